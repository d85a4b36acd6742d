using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Generation;

/// <summary>One question and its answer; the last turn of a chat has none yet.</summary>
/// <param name="Input">The record's input, where a training row has one.</param>
public sealed record Turn(string Question, string? Answer = null, string? Input = null)
{
    /// <summary>What the assistant thought before the answer (reasoning_content), where the data has it.</summary>
    public string? Reasoning { get; init; }
}

/// <summary>
/// A conversation as a prompt. With an instruction template the first turn is that template, letter for letter; each answer is closed by
/// the end-of-sequence token and a line break; later turns repeat the template without its preamble.
/// </summary>
public sealed record Conversation(string? System, IReadOnlyList<Turn> Turns)
{
    /// <summary>The JSON array of the tools that the assistant has, or null.</summary>
    public string? Tools { get; init; }

    /// <summary>
    /// All that is said, system message included, where turns of a question and an answer can't say it (calls of tools, another order);
    /// else null. Only a chat template can write it.
    /// </summary>
    public IReadOnlyList<ChatMessage>? Messages { get; init; }

    /// <summary>The ids, oldest turns left out until they fit into <paramref name="room"/> tokens; the last turn always stays.</summary>
    public int[] Encode(PromptFormat format, HfTokenizer tokenizer, int room)
    {
        for (var first = 0; ; first++)
        {
            var ids = format.Prompt(this with { Turns = [.. Turns.Skip(first)] }, tokenizer);
            if (ids.Length <= room || first == Turns.Count - 1)
            {
                return ids;
            }
        }
    }

    /// <summary>
    /// The ids in order, a prompt and its answer in turn. Prompt and answer are encoded apart, the answer without the space mark of a new
    /// text, so that no token straddles the border: training and chat take their ids from here and can't differ. An answer ends with EOS.
    /// </summary>
    public IEnumerable<Stretch> Stretches(PromptTemplate template, HfTokenizer tokenizer)
    {
        for (var i = 0; i < Turns.Count; i++)
        {
            yield return template.HoldsMarkers(tokenizer) ? WithMarkers(i, template, tokenizer) : Letters(i, template, tokenizer);
            if (Turns[i].Answer is { } answer)
            {
                int[] ids = [.. tokenizer.EncodeContinuation(answer), tokenizer.EosId];
                yield return new(ids, IsAnswer: true, [ids.Length - 1]);
            }
        }
    }

    private Stretch Letters(int i, PromptTemplate template, HfTokenizer tokenizer)
    {
        var preamble = template.Preamble(Turns[i].Input);
        var prompt = template.Prompt(Turns[i].Question, Turns[i].Input);
        return new(tokenizer.Encode(i == 0 ? WithSystem(prompt, preamble) : "\n" + prompt[preamble.Length..], addBos: i == 0), false,
            i == 0 && tokenizer.BosId >= 0 ? [0] : []);
    }

    /// <summary>The special tokens that a template of one's own spells are those tokens. One that begins with BOS gets no second.</summary>
    private Stretch WithMarkers(int i, PromptTemplate template, HfTokenizer tokenizer)
    {
        var segments = template.Segments(Turns[i].Question, Turns[i].Input);
        var preamble = template.Preamble(Turns[i].Input);
        var rest = ChatSegment.Skip(segments, preamble.Length);
        ChatSegment lineBreak = new("\n", default), data = new(System ?? "", Prompts.Jinja.Origin.Data);
        IEnumerable<ChatSegment> text = i > 0 ? [lineBreak, .. rest]
            : string.IsNullOrEmpty(System) ? segments
            : preamble.Length == 0 ? [data, lineBreak, .. segments]
            : [data, .. ChatSegment.Skip([new(preamble, default)], preamble.TrimEnd().Length), .. rest];
        var tokens = SegmentEncoding.Encode(tokenizer, [.. text], []);
        if (i == 0 && tokenizer.BosId >= 0 && (tokens.Count == 0 || tokens[0].Id != tokenizer.BosId))
        {
            tokens.Insert(0, new(tokenizer.BosId, Learned: false, Special: true));
        }
        return new([.. tokens.Select(token => token.Id)], false,
            [.. tokens.Index().Where(token => token.Item.Special).Select(token => token.Index)]);
    }

    /// <summary>A system message stands in the preamble's place, or before the prompt where there is none.</summary>
    private string WithSystem(string prompt, string preamble) =>
        string.IsNullOrEmpty(System) ? prompt
        : preamble.Length == 0 ? System + "\n" + prompt
        : System + preamble[preamble.TrimEnd().Length..] + prompt[preamble.Length..];
}

/// <summary>The ids of a prompt, or of an answer and the EOS that closes it.</summary>
/// <param name="Special">Where in <paramref name="Ids"/> a special token stands: no text makes one.</param>
public readonly record struct Stretch(int[] Ids, bool IsAnswer, int[] Special);
