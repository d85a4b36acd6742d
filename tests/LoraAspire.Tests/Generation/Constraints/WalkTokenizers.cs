using System.Collections.Concurrent;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Generation.Constraints;

/// <summary>Tokenizers of all kinds: this repository's and, where they are there, small and large ones of others.</summary>
internal static class WalkTokenizers
{
    private static readonly ConcurrentDictionary<string, Lazy<HfTokenizer>> s_loaded = [];

    public static IReadOnlyList<string> Names { get; } = ["pebble", "models/stories260K", "tokenizers/llama2", "tokenizers/qwen2.5"];

    /// <summary>Skips the test where the tokenizer isn't there.</summary>
    public static HfTokenizer Load(string name)
    {
        var folder = name == "pebble" ? GoldenFolder.Pebble : GoldenFolder.Require(GoldenFolder.SharedData, name);
        return s_loaded.GetOrAdd(folder, path => new(() => HfTokenizer.Load(path))).Value;
    }
}
