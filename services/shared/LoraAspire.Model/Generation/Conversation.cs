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
/// A conversation as a prompt. The first turn is the training template, letter for letter; each answer is closed by the end-of-sequence
/// token and a line break; later turns repeat the template without its preamble.
/// </summary>
public sealed record Conversation(string? System, IReadOnlyList<Turn> Turns)
{
    /// <summary>The ids, oldest turns left out until they fit into <paramref name="room"/> tokens; the last turn always stays.</summary>
    public int[] Encode(PromptTemplate template, HfTokenizer tokenizer, int room)
    {
        for (var first = 0; ; first++)
        {
            var ids = Encode(template, tokenizer, Turns.Skip(first));
            if (ids.Length <= room || first == Turns.Count - 1)
            {
                return ids;
            }
        }
    }

    private int[] Encode(PromptTemplate template, HfTokenizer tokenizer, IEnumerable<Turn> turns) =>
        [.. (this with { Turns = [.. turns] }).Stretches(template, tokenizer).SelectMany(stretch => stretch.Ids)];

    /// <summary>
    /// The ids in order, a prompt and its answer in turn. Prompt and answer are encoded apart, the answer without the space mark of a new
    /// text, so that no token straddles the border: training and chat take their ids from here and can't differ. An answer ends with EOS.
    /// </summary>
    public IEnumerable<(int[] Ids, bool IsAnswer)> Stretches(PromptTemplate template, HfTokenizer tokenizer)
    {
        for (var i = 0; i < Turns.Count; i++)
        {
            var preamble = template.Preamble(Turns[i].Input);
            var prompt = template.Prompt(Turns[i].Question, Turns[i].Input);
            yield return (tokenizer.Encode(i == 0 ? WithSystem(prompt, preamble) : "\n" + prompt[preamble.Length..], addBos: i == 0),
                false);
            if (Turns[i].Answer is { } answer)
            {
                yield return ([.. tokenizer.EncodeContinuation(answer), tokenizer.EosId], true);
            }
        }
    }

    /// <summary>A system message stands in the preamble's place, or before the prompt where there is none.</summary>
    private string WithSystem(string prompt, string preamble) =>
        string.IsNullOrEmpty(System) ? prompt
        : preamble.Length == 0 ? System + "\n" + prompt
        : System + preamble[preamble.TrimEnd().Length..] + prompt[preamble.Length..];
}
