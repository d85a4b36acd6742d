using LoraAspire.Pipelines.Stages;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>
/// Options of other trainers that name what is an input here: <c>base_model: NAME</c> for <c>inputs: { base: model:NAME }</c>.
/// </summary>
internal static class InputAliases
{
    public static bool Takes(StageKind kind, string key) =>
        AliasTable.Inputs.TryGetValue(key, out var input) && kind.Inputs.Any(port => port.Name == input);

    /// <summary>The inputs as written, and those that <paramref name="with"/> names.</summary>
    public static IReadOnlyDictionary<string, YamlNode> Resolve(YamlMappingNode with, StageKind kind,
        IReadOnlyDictionary<string, YamlNode> inputs, Diagnostics report)
    {
        var all = inputs.ToDictionary();
        foreach (var (key, value) in with.Children)
        {
            var name = Binder.Text(key) ?? "";
            if (!Takes(kind, name))
            {
                continue;
            }
            var input = AliasTable.Inputs[name];
            if (all.ContainsKey(input))
            {
                report.Error(key, $"'{name}' means the input '{input}', which is also given: keep one");
            }
            else
            {
                var reference = Reference(input, Binder.Text(value) ?? "");
                report.Note(key, $"{name} understood as inputs: {{ {input}: {reference} }}");
                all[input] = report.InPlaceOf(value, reference);
            }
        }
        return all;
    }

    /// <summary>
    /// A base is a model's name, unless it is plainly a stage's output. What is neither is told where inputs are checked.
    /// </summary>
    private static string Reference(string input, string text) =>
        input == "base" && !text.EndsWith(".model", StringComparison.Ordinal) && Wiring.Reference("model:" + text) is NamedModel
            ? "model:" + text : text;
}
