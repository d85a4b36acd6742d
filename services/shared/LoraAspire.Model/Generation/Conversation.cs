using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Generation;

/// <summary>One question and its answer; the last turn of a conversation has none yet.</summary>
public sealed record Turn(string Question, string? Answer = null);

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

    private int[] Encode(PromptTemplate template, HfTokenizer tokenizer, IEnumerable<Turn> turns)
    {
        List<int> ids = [];
        var preamble = Preamble(template);
        var first = true;
        foreach (var turn in turns)
        {
            var prompt = template.Prompt(turn.Question, null);
            var text = first ? WithSystem(prompt, preamble) : "\n" + prompt[preamble.Length..];
            ids.AddRange(tokenizer.Encode(text + turn.Answer, addBos: first));
            if (turn.Answer is not null)
            {
                ids.Add(tokenizer.EosId);
            }
            first = false;
        }
        return [.. ids];
    }

    /// <summary>A system message stands in the preamble's place, or before the prompt where there is none.</summary>
    private string WithSystem(string prompt, string preamble) =>
        string.IsNullOrEmpty(System) ? prompt
        : preamble.Length == 0 ? System + "\n" + prompt
        : System + preamble[preamble.TrimEnd().Length..] + prompt[preamble.Length..];

    /// <summary>What stands before the heading of the instruction ("### Instruction:"); empty for templates without headings.</summary>
    private static string Preamble(PromptTemplate template)
    {
        var filled = template.Prompt("", null);
        var heading = filled.IndexOf("###", StringComparison.Ordinal);
        return heading < 0 ? "" : filled[..heading];
    }
}
