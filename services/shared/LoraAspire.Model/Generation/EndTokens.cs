using System.Text.Json;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Generation;

/// <summary>The ids that end a model's answers.</summary>
public static class EndTokens
{
    /// <summary>The tokenizer's, those of generation_config.json (one id or several), and what the template closes answers with.</summary>
    public static IReadOnlySet<int> Of(string directory, HfTokenizer tokenizer, PromptFormat? format = null)
    {
        HashSet<int> ids = [tokenizer.EosId, .. format?.EndIds(tokenizer) ?? []];
        var path = Path.Combine(directory, "generation_config.json");
        if (File.Exists(path))
        {
            ids.UnionWith(JsonFile.Read(path, "generation configuration",
                root => !root.TryGetProperty("eos_token_id", out var eos) ? [] : eos.ValueKind switch
                {
                    JsonValueKind.Number => [eos.GetInt32()],
                    JsonValueKind.Array => eos.EnumerateArray().Select(id => id.GetInt32()).ToList(),
                    _ => [],
                }));
        }
        return ids;
    }
}
