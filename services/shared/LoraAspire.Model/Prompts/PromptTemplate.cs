using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts.Jinja;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Prompts;

/// <summary>
/// How instruction and input become a prompt: alpaca-lora's template files. <c>{instruction}</c> and <c>{input}</c> stand for the
/// record's texts, <c>{{</c> and <c>}}</c> for braces. What a text itself holds in braces is left alone.
/// </summary>
public sealed record PromptTemplate(
    [property: JsonPropertyName("description")] string Description,
    [property: JsonPropertyName("prompt_input")] string PromptInput,
    [property: JsonPropertyName("prompt_no_input")] string PromptNoInput,
    [property: JsonPropertyName("response_split")] string ResponseSplit) : PromptFormat
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>Names that <see cref="Load"/> knows without a file.</summary>
    public static IReadOnlyList<string> BuiltIn { get; } = ["alpaca", "bayling", "plain"];

    /// <summary>A built-in template by name, or a template file (its name ends in .json).</summary>
    /// <exception cref="ModelException">Neither a built-in name nor a file.</exception>
    /// <exception cref="ModelException">The file is no template; the message says what is wrong.</exception>
    public static new PromptTemplate Load(string nameOrFile)
    {
        if (BuiltIn.Contains(nameOrFile))
        {
            using var resource = typeof(PromptTemplate).Assembly.GetManifestResourceStream($"prompts.{nameOrFile}.json")!;
            return Read(resource, nameOrFile);
        }
        if (!File.Exists(nameOrFile))
        {
            throw new ModelException(
                $"No prompt template '{nameOrFile}'. Name a built-in one ({string.Join(", ", BuiltIn)}) or a .json file that exists.");
        }
        return Read(new MemoryStream(WholeFile.Read(nameOrFile, "prompt template")), nameOrFile);
    }

    /// <summary>
    /// The prompt up to where the answer begins. An empty or missing input takes the template without one; spaces count as input.
    /// </summary>
    public string Prompt(string instruction, string? input) =>
        string.Concat(Segments(instruction, input).Select(segment => segment.Text));

    /// <summary>The prompt in pieces of the template and of the record, none of them empty.</summary>
    internal IReadOnlyList<ChatSegment> Segments(string instruction, string? input) =>
        string.IsNullOrEmpty(input) ? Fill(PromptNoInput, instruction, "") : Fill(PromptInput, instruction, input);

    /// <summary>
    /// What a prompt says once and a later turn doesn't repeat: the text before the heading ("### Instruction:") that introduces what the
    /// user wrote. Empty for templates without such a heading, of which every turn repeats all.
    /// </summary>
    public string Preamble(string? input)
    {
        var form = string.IsNullOrEmpty(input) ? PromptNoInput : PromptInput;
        var before = string.Concat(Fill(form[..WithoutBraces(form).IndexOf('{')], "", "").Select(segment => segment.Text));
        var heading = before.IndexOf("###", StringComparison.Ordinal);
        return heading < 0 ? "" : before[..heading];
    }

    /// <summary>Whether no token can straddle the border to the answer, even where prompt and answer are encoded as one text.</summary>
    [JsonIgnore]
    public bool EndsWithNewline => PromptInput.EndsWith('\n') && PromptNoInput.EndsWith('\n');

    /// <summary>
    /// The answer in a generated text: what stands between the first <see cref="ResponseSplit"/> and the next, trimmed; without one, all of
    /// it.
    /// </summary>
    public string Response(string text)
    {
        var parts = text.Split(ResponseSplit);
        return parts[parts.Length > 1 ? 1 : 0].Trim();
    }

    public void Save(string path) => File.WriteAllBytes(path, ToUtf8());

    public override byte[] ToUtf8() => Utf8(JsonSerializer.Serialize(this, Json));

    public override EncodedConversation Row(Conversation conversation, HfTokenizer tokenizer)
    {
        List<RowToken> tokens = [];
        foreach (var (ids, isAnswer, special) in conversation.Stretches(this, tokenizer))
        {
            var first = tokens.Count;
            tokens.AddRange(ids.Select(id => new RowToken(id, isAnswer, Special: false)));
            foreach (var at in special)
            {
                tokens[first + at] = tokens[first + at] with { Special = true };
            }
        }
        return new(tokens, conversation.Turns.Count, [.. LeftOut(conversation)]);
    }

    public override int[] Prompt(Conversation conversation, HfTokenizer tokenizer) =>
        [.. conversation.Stretches(this, tokenizer).SelectMany(stretch => stretch.Ids)];

    internal override bool MasksFirst(HfTokenizer tokenizer) => tokenizer.BosId >= 0;

    /// <summary>Whether the template's own letters spell one of the tokenizer's added tokens.</summary>
    internal bool HoldsMarkers(HfTokenizer tokenizer) => tokenizer.HoldsMarkers(PromptInput) || tokenizer.HoldsMarkers(PromptNoInput);

    private static IEnumerable<string> LeftOut(Conversation conversation) =>
    [
        .. conversation.Turns.Where(turn => !string.IsNullOrWhiteSpace(turn.Reasoning)).Select(_ => ChatFormat.NoReasoning),
        .. conversation.Tools is null ? Array.Empty<string>() : [ChatFormat.NoTools],
    ];

    private static PromptTemplate Read(Stream stream, string name)
    {
        try
        {
            var template = JsonSerializer.Deserialize<PromptTemplate>(stream, Json) ?? throw new JsonException("it is null");
            Require(template.PromptInput, "prompt_input", "{instruction}", "{input}");
            Require(template.PromptNoInput, "prompt_no_input", "{instruction}");
            return template.ResponseSplit.Length > 0 ? template : throw new JsonException("response_split is empty");
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw new ModelException(
                $"Prompt template {name}: {e.Message} It needs the texts description, prompt_input, prompt_no_input and response_split, "
                    + $"with {{instruction}} and {{input}} as its only placeholders.", e);
        }
    }

    /// <summary>Without its placeholder a part of every record would be lost.</summary>
    private static void Require(string form, string name, params string[] placeholders)
    {
        Fill(form, "", "");
        if (Array.Find(placeholders, placeholder => !WithoutBraces(form).Contains(placeholder, StringComparison.Ordinal)) is { } missing)
        {
            throw new FormatException($"{name} has no {missing}.");
        }
    }

    /// <summary>As long as the form, the doubled braces that stand for braces taken out.</summary>
    private static string WithoutBraces(string form) => form.Replace("{{", "  ", StringComparison.Ordinal);

    private static List<ChatSegment> Fill(string template, string instruction, string input)
    {
        List<ChatSegment> segments = [];
        var rest = template.AsSpan();
        while (rest.IndexOfAny('{', '}') is var brace and >= 0)
        {
            Add(rest[..brace].ToString(), Origin.Template);
            rest = rest[brace..];
            var (length, text, origin) = rest switch
            {
                ['{', '{', ..] => (2, "{", Origin.Template),
                ['}', '}', ..] => (2, "}", Origin.Template),
                _ when rest.StartsWith("{instruction}") => ("{instruction}".Length, instruction, Origin.Data),
                _ when rest.StartsWith("{input}") => ("{input}".Length, input, Origin.Data),
                _ => throw new FormatException($"'{rest[..Math.Min(rest.Length, 20)]}' is not a placeholder."),
            };
            Add(text, origin);
            rest = rest[length..];
        }
        Add(rest.ToString(), Origin.Template);
        return segments;

        void Add(string text, Origin origin)
        {
            if (text.Length > 0)
            {
                segments.Add(new(text, origin));
            }
        }
    }
}
