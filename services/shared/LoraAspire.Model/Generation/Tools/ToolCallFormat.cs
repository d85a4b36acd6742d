using LoraAspire.Model.Prompts;

namespace LoraAspire.Model.Generation.Tools;

/// <summary>How a model writes that it calls a tool: as it was trained to, which its chat template shows.</summary>
/// <param name="Open">What comes before a call's JSON, and <paramref name="Close"/> what comes after it.</param>
/// <param name="ArgumentsKey">The key beside "name".</param>
public sealed record ToolCallFormat(string Name, string Open, string Close, string ArgumentsKey)
{
    /// <summary>Nous Hermes' and Qwen's: JSON in &lt;tool_call&gt; tags.</summary>
    public static ToolCallFormat Hermes { get; } = new("hermes", "<tool_call>\n", "\n</tool_call>", "arguments");

    /// <summary>Llama 3's: JSON and nothing else.</summary>
    public static ToolCallFormat Llama3 { get; } = new("llama3", "", "", "parameters");

    /// <summary>Whether an answer may hold several calls, a line each.</summary>
    public bool TakesSeveral => Open.Length > 0;

    /// <summary>Null where the format's template doesn't show tool calls, or shows them in another way.</summary>
    public static ToolCallFormat? Of(PromptFormat format)
    {
        if (format is not ChatFormat chat)
        {
            return null;
        }
        // A template's strings may write their quotes with backslashes.
        var source = chat.Template.Source.Replace("\\\"", "\"");
        bool Has(string text) => source.Contains(text, StringComparison.Ordinal);
        return Has("<tool_call>") && Has("</tool_call>") && Has("\"arguments\"") && !Has("<function=") && !Has("<arg_key>") ? Hermes
            : Has("{\"name\": ") && Has("\"parameters\": ") && Has("<|eot_id|>") ? Llama3 : null;
    }
}
