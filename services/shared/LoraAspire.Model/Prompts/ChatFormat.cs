using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts.Jinja;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Prompts;

/// <summary>
/// A model's own chat template. It writes its own BOS, where it has one, and closes answers with its own marks; a row whose last answer
/// it doesn't close ends with the tokenizer's EOS.
/// </summary>
/// <param name="Date">The day that the template is told as today's, so that equal runs give equal rows and chat asks as training did;
/// null for the time now.</param>
public sealed record ChatFormat(ChatTemplate Template, DateOnly? Date) : PromptFormat
{
    /// <summary>What rows are told as today's: the day that Llama 3.1's template itself takes where it is told none.</summary>
    public static DateOnly RowDate { get; } = new(2024, 7, 26);

    private const string TemplateKey = "chat_template", TokensKey = "special_tokens", DateKey = "date", DateForm = "yyyy-MM-dd";

    /// <summary>Told of conversations that bring what the template doesn't write.</summary>
    internal const string NoReasoning = "the template has no place for reasoning_content: it is left out",
        NoTools = "the template has no place for tools: they are left out";

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private ChatOptions Options => new()
    {
        Now = Date is { } day ? new DateTimeOffset(day, new TimeOnly(12, 0), TimeSpan.Zero) : null,
    };

    public override EncodedConversation Row(Conversation conversation, HfTokenizer tokenizer)
    {
        var training = Template.ForTraining(Messages(conversation), Tools(conversation), Options);
        List<string> told = [.. training.Rewritten.Select(turn => Words(turn.Why)), .. LeftOut(conversation, training.Chat.Text)];
        List<(int Start, int End)> learned = [];
        foreach (var turn in training.Turns)
        {
            if (HoldsData(training.Chat.Segments, turn.Start, turn.End) || turn.Message < 0 || Says(conversation, turn.Message) is "")
            {
                learned.Add((turn.Start, turn.End));
            }
            else
            {
                told.Add("the chat template doesn't write the answer");
            }
        }
        var tokens = SegmentEncoding.Encode(tokenizer, training.Chat.Segments, learned);
        if (learned.Count > 0 && learned[^1].End == training.Chat.Text.Length && !Closing(training, learned[^1].Start, tokenizer).Any())
        {
            tokens.Add(new(tokenizer.EosId, Learned: true, Special: true));
        }
        return new(tokens, learned.Count, told);
    }

    public override int[] Prompt(Conversation conversation, HfTokenizer tokenizer)
    {
        var chat = Template.Render(Messages(conversation), Tools(conversation), addGenerationPrompt: true, Options);
        return [.. SegmentEncoding.Encode(tokenizer, chat.Segments, []).Select(token => token.Id)];
    }

    /// <summary>What the template puts right after an answer, found by letting it write one.</summary>
    public override IReadOnlyList<int> EndIds(HfTokenizer tokenizer)
    {
        try
        {
            var asked = Template.ForTraining([new("user", "q"), new("assistant", "a")], null, Options);
            return asked.Turns is [var turn] ? [.. Closing(asked, turn.Start, tokenizer).Select(marker => marker.Id).Take(1)] : [];
        }
        catch (TemplateException)
        {
            return []; // it takes no such conversation; then the tokenizer's and generation_config.json's tokens are all there is
        }
    }

    internal override bool MasksFirst(HfTokenizer tokenizer) => true;

    public override byte[] ToUtf8() => Utf8(JsonSerializer.Serialize(new Dictionary<string, object?>
    {
        [TemplateKey] = Template.Source,
        [TokensKey] = new SortedDictionary<string, string>(Template.SpecialTokens.ToDictionary(), StringComparer.Ordinal),
        [DateKey] = Date?.ToString(DateForm, CultureInfo.InvariantCulture),
    }, Json));

    /// <summary>Null where the file is a template of the other kind.</summary>
    /// <exception cref="ModelException">Not readable as JSON, or as a template; the message names the file.</exception>
    internal static ChatFormat? Read(string path)
    {
        try
        {
            return JsonFile.Read(path, "prompt template", Of);
        }
        catch (Jinja.TemplateException error)
        {
            throw new ModelException($"{path} holds a chat template that can't be read: {error.Message}. Copy or fetch it again.", error);
        }
    }

    private static ChatFormat? Of(JsonElement root) =>
        root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(TemplateKey, out var source) ? null
            : new ChatFormat(new(source.GetString() ?? throw new JsonException($"{TemplateKey} is null."),
                root.GetProperty(TokensKey).EnumerateObject().ToDictionary(token => token.Name, token => token.Value.GetString()
                    ?? throw new JsonException($"{token.Name} is null."))),
                root.TryGetProperty(DateKey, out var date) && date.ValueKind != JsonValueKind.Null
                    ? DateOnly.ParseExact(date.GetString()!, DateForm, CultureInfo.InvariantCulture) : null);

    private static IReadOnlyList<ChatMessage> Messages(Conversation conversation)
    {
        if (conversation.Messages is { } whole)
        {
            return whole;
        }
        List<ChatMessage> messages = [];
        if (!string.IsNullOrEmpty(conversation.System))
        {
            messages.Add(new("system", conversation.System));
        }
        foreach (var turn in conversation.Turns)
        {
            messages.Add(new("user", string.IsNullOrEmpty(turn.Input) ? turn.Question : $"{turn.Question}\n\n{turn.Input}"));
            if (turn.Answer is { } answer)
            {
                messages.Add(new("assistant", answer, turn.Reasoning));
            }
        }
        return messages;
    }

    private static JsonElement? Tools(Conversation conversation) =>
        conversation.Tools is { } tools ? JsonElement.Parse(tools, ForeignJson.ReadWritten) : null;

    /// <summary>What the assistant says in a message of <see cref="Messages"/>.</summary>
    private static string Says(Conversation conversation, int message)
    {
        if (conversation.Messages is { } whole)
        {
            return whole[message].Fields.Find("content") is StringValue content ? content.Text.Value.Trim() : "";
        }
        var turn = conversation.Turns[(message - (string.IsNullOrEmpty(conversation.System) ? 0 : 1)) / 2];
        return (turn.Answer + turn.Reasoning).Trim();
    }

    private IEnumerable<string> LeftOut(Conversation conversation, string text)
    {
        foreach (var turn in conversation.Turns)
        {
            if (turn.Reasoning?.Trim() is { Length: > 0 } reasoning && !text.Contains(reasoning, StringComparison.Ordinal))
            {
                yield return NoReasoning;
            }
        }
        if (conversation.Tools is not null
            && Template.Render(Messages(conversation), null, addGenerationPrompt: false, Options).Text == text)
        {
            yield return NoTools;
        }
    }

    private static bool HoldsData(IReadOnlyList<ChatSegment> segments, int start, int end)
    {
        var from = 0;
        foreach (var segment in segments)
        {
            if (!segment.IsTemplate && from < end && from + segment.Text.Length > start)
            {
                return true;
            }
            from += segment.Text.Length;
        }
        return false;
    }

    /// <summary>The special tokens that the template writes after the last answer's last letter.</summary>
    /// <param name="start">Where that answer begins.</param>
    private static IEnumerable<Marker> Closing(TrainingChat chat, int start, HfTokenizer tokenizer)
    {
        var text = chat.Chat.Text;
        var end = text.Length;
        foreach (var segment in chat.Chat.Segments.Reverse().TakeWhile(segment => segment.IsTemplate))
        {
            end -= segment.Text.Length;
        }
        return tokenizer.Markers(text, Math.Max(start, end), text.Length);
    }

    /// <summary>Of "message 3: why" what is alike for all records.</summary>
    private static string Words(string why) =>
        why.StartsWith("message ", StringComparison.Ordinal) && why.IndexOf(": ", StringComparison.Ordinal) is > 0 and var at
            ? why[(at + 2)..] : why;
}
