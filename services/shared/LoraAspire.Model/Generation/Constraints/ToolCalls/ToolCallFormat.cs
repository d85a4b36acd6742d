using LoraAspire.Model.Prompts;

namespace LoraAspire.Model.Generation.Constraints.ToolCalls;

/// <summary>Placeholder until the grammar is merged.</summary>
public sealed record ToolCallFormat(string Opening, string Closing, string ArgumentsKey)
{
    public static ToolCallFormat? Of(PromptFormat format) =>
        format is ChatFormat chat && chat.Template.Source.Contains("<tool_call>", StringComparison.Ordinal)
            ? new("<tool_call>\n", "\n</tool_call>", "arguments") : null;
}

public sealed record ToolPiece(string Text, string? Name = null, string? ArgumentsJson = null);

/// <summary>Placeholder until the grammar is merged: finds calls of the Hermes form when the answer has ended.</summary>
public sealed class ToolCallReader(ToolCallFormat format)
{
    private readonly System.Text.StringBuilder _text = new();

    public IEnumerable<ToolPiece> Add(string text)
    {
        _text.Append(text);
        return [];
    }

    public IEnumerable<ToolPiece> Flush()
    {
        foreach (var (at, part) in _text.ToString().Split("<tool_call>").Index())
        {
            var end = part.IndexOf("</tool_call>", StringComparison.Ordinal);
            if (at == 0 || end < 0)
            {
                yield return new(part);
                continue;
            }
            using var call = System.Text.Json.JsonDocument.Parse(part[..end]);
            yield return new("", call.RootElement.GetProperty("name").GetString(),
                call.RootElement.GetProperty(format.ArgumentsKey).GetRawText());
        }
    }
}
