using System.Globalization;
using System.Text;

namespace LoraAspire.Merger;

/// <summary>README.md of a merged model: what it is made of, how to load it, how near it is to base and adapter.</summary>
internal static class MergeCard
{
    public static void Save(string to, string from, IReadOnlyList<MergedAdapter> adapters, MergeProof? proof)
    {
        var name = Path.GetFileName(from);
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"""
            # {name} with {(adapters.Count == 1 ? "an adapter" : $"{adapters.Count} adapters")} merged into it

            A Hugging Face folder: `AutoModelForCausalLM.from_pretrained` takes it, and so does a stage `uses: chat` or the `base` of another
            `trainer`. Prompts are to be written with `prompt_template.json` where there is one. The licence of {name} holds for it too.

            | adapter, SHA-256 of its tensors | weight | trained on |
            | --- | --- | --- |

            """);
        foreach (var adapter in adapters)
        {
            var trained = adapter.HeldAs is not null ? $"weights rounded to {adapter.HeldAs}"
                : adapter.BaseWeights is not null ? "weights as they are" : "not said";
            text.Append(CultureInfo.InvariantCulture, $"| `{adapter.Sha256}` | {adapter.Weight} | {trained} |\n");
        }
        text.Append(proof is null ? "\nIt was not compared with base and adapter side by side.\n" : $"\nCompared: {proof.Words}.\n");
        File.WriteAllText(Path.Combine(to, "README.md"), text.ToString());
    }
}
