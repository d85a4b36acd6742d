using System.Text;

namespace LoraAspire.Fuzz.Targets;

/// <summary>Every reader of what others wrote. A new one is added here.</summary>
public static class AllTargets
{
    public static IReadOnlyList<Target> In(Scratch scratch) =>
    [
        .. PipelineTargets.In(), .. TableTargets.In(scratch), .. PairTargets.In(scratch), .. TextTargets.In(scratch),
        .. WeightTargets.In(scratch), .. ModelTargets.In(scratch),
        .. TokenizerTargets.In(scratch), .. DatasetTargets.In(scratch), .. ChatTargets.In(),
        .. TemplateTargets.In(scratch), .. ConstraintTargets.In(scratch), .. EvaluatorTargets.In(scratch),
    ];

    internal static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>What stands in JSON files, beside numbers.</summary>
    internal static readonly IReadOnlyList<string> JsonWords = ["{\"a\":", "[[", "]", "}", "\"\\udc00\\ud800\"", "\"\\ud83d\\ude00\"",
        "\\u0000", "\\", "\uFEFF", "//", "[1,2,3]", "{\"type\":null}"];
}
