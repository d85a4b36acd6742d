using System.Text.Json;
using LoraAspire.Model.Prompts.Jinja;

namespace LoraAspire.Model.Prompts;

/// <summary>
/// The chat template that a model was tuned with, as transformers' apply_chat_template runs it: tools and documents that aren't given are
/// undefined, and what the
/// template refuses is refused with its words. Can be used from several threads.
/// </summary>
public sealed class ChatTemplate
{
    private readonly JinjaTemplate _template;
    private readonly KeyValuePair<string, Value>[] _specialTokens;

    /// <param name="source">The template's text.</param>
    /// <param name="specialTokens">The variables bos_token, eos_token and so on. Their letters count as the template's.</param>
    /// <exception cref="TemplateException">It isn't a template; with the line.</exception>
    public ChatTemplate(string source, IReadOnlyDictionary<string, string> specialTokens)
    {
        (Source, SpecialTokens, _template) = (source, specialTokens, new(source));
        _specialTokens = [.. specialTokens.Select(token => KeyValuePair.Create(token.Key, Value.Of(token.Value, Origin.Template)))];
    }

    public string Source { get; }

    /// <summary>Whether both write the same of every conversation, as far as their texts and tokens tell.</summary>
    public bool IsLike(ChatTemplate other) => Source == other.Source && SpecialTokens.Count == other.SpecialTokens.Count
        && SpecialTokens.All(token => other.SpecialTokens.GetValueOrDefault(token.Key) == token.Value);

    /// <summary>Variable → token, as they were given.</summary>
    public IReadOnlyDictionary<string, string> SpecialTokens { get; }

    /// <summary>Whether it says itself what is learned, with {% generation %}.</summary>
    public bool MarksGeneration => _template.HasGeneration;

    /// <param name="tools">An array of tools (functions with their JSON schemas), null for none.</param>
    /// <param name="addGenerationPrompt">Whether the text ends where the assistant is to begin.</param>
    /// <exception cref="TemplateException">The template refuses this conversation (<see cref="TemplateException.Words"/> are its own),
    /// fails, or does too much.</exception>
    public RenderedChat Render(IReadOnlyList<ChatMessage> messages, JsonElement? tools = null, bool addGenerationPrompt = false,
        ChatOptions? options = null) =>
        RenderedChat.Of(Text(messages, messages.Count, tools, addGenerationPrompt, options ?? ChatOptions.None));

    /// <summary>
    /// The whole conversation, and which of it the assistant says: by {% generation %} where the template has it, else turn by turn. A turn
    /// is what comes after
    /// the render of all before it with a generation prompt, in the render that ends with it; both must be how the whole conversation
    /// begins.
    /// </summary>
    /// <exception cref="TemplateException">The template refuses the conversation.</exception>
    public TrainingChat ForTraining(IReadOnlyList<ChatMessage> messages, JsonElement? tools = null, ChatOptions? options = null)
    {
        options ??= ChatOptions.None;
        var whole = Text(messages, messages.Count, tools, false, options);
        if (MarksGeneration)
        {
            return Marked(whole, messages);
        }
        List<AssistantTurn> turns = [];
        List<RewrittenTurn> rewritten = [];
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages[i].Role != "assistant")
            {
                continue;
            }
            string before, after;
            try
            {
                before = Text(messages, i, tools, true, options).Value;
                after = i + 1 == messages.Count ? whole.Value : Text(messages, i + 1, tools, false, options).Value;
            }
            catch (TemplateException refusal)
            {
                rewritten.Add(new(i, $"message {i + 1}: the template takes no conversation that ends here: {refusal.Words}"));
                continue;
            }
            if (!after.StartsWith(before, StringComparison.Ordinal))
            {
                rewritten.Add(new(i, $"message {i + 1}: with the answer in it the text doesn't begin as the prompt for that answer did"));
            }
            else if (!whole.Value.StartsWith(after, StringComparison.Ordinal))
            {
                rewritten.Add(new(i,
                    $"message {i + 1}: the template writes this turn anew when others follow (as those do that drop earlier thinking)"));
            }
            else
            {
                turns.Add(new(i, before.Length, after.Length));
            }
        }
        return new(RenderedChat.Of(whole), turns, rewritten);
    }

    private static TrainingChat Marked(Text whole, IReadOnlyList<ChatMessage> messages)
    {
        List<AssistantTurn> turns = [];
        var from = 0;
        foreach (var run in whole.Runs)
        {
            if (run.Origin.HasFlag(Origin.Learned))
            {
                var follows = turns.Count > 0 && turns[^1].End == from;
                turns.Add(new(-1, follows ? turns[^1].Start : from, run.End));
                if (follows)
                {
                    turns.RemoveAt(turns.Count - 2);
                }
            }
            from = run.End;
        }
        var misses = turns.Count == 0 && messages.Any(message => message.Role == "assistant");
        return new(RenderedChat.Of(whole), turns, misses
            ? [new(-1, "the template marks nothing of this conversation with {% generation %}")] : []);
    }

    private Text Text(IReadOnlyList<ChatMessage> messages, int count, JsonElement? tools, bool addGenerationPrompt, ChatOptions options)
    {
        Dictionary<string, Value> variables = new(_specialTokens, StringComparer.Ordinal);
        foreach (var (name, value) in options.Variables)
        {
            variables[name] = JsonValues.Read(value);
        }
        variables["messages"] = new ListValue([.. messages.Take(count).Select(message => message.Fields)]);
        variables["add_generation_prompt"] = Value.Of(addGenerationPrompt);
        Add("tools", tools);
        Add("documents", options.Documents);
        return _template.Render(variables, options.Now ?? DateTimeOffset.Now);

        void Add(string name, JsonElement? given)
        {
            if (given is { ValueKind: not (JsonValueKind.Undefined or JsonValueKind.Null) } some)
            {
                variables[name] = JsonValues.Read(some);
            }
        }
    }
}

/// <summary>What a template can be told beside the conversation.</summary>
public sealed record ChatOptions
{
    public static readonly ChatOptions None = new();

    /// <summary>Switches that the template knows: enable_thinking, date_string.</summary>
    public IReadOnlyDictionary<string, JsonElement> Variables { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>An array of documents to answer from.</summary>
    public JsonElement? Documents { get; init; }

    /// <summary>What strftime_now tells; null for the time now. Rows that are made again must be told the same.</summary>
    public DateTimeOffset? Now { get; init; }
}
