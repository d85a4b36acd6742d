using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>
/// What a pipeline names and doesn't hold itself: files under the data root, folders under the models root. Each tells what is wrong with a
/// name, or null.
/// </summary>
public sealed record ReferenceCheck(Func<string, string?> DataFile, Func<string, string?> Model)
{
    /// <summary>Reports, at the place of its name, what isn't there: after hours of training is too late for that.</summary>
    internal void Check(StageDraft draft, Diagnostics report)
    {
        foreach (var path in draft.With?.DataFiles().Distinct() ?? [])
        {
            if (DataFile(path) is { } problem)
            {
                foreach (var node in Named(draft.Node, path).DefaultIfEmpty(draft.IdNode))
                {
                    report.Error(node, problem);
                }
            }
        }
        foreach (var node in draft.Inputs.Values)
        {
            if (Wiring.Reference(Binder.Text(node) ?? "") is NamedModel model && Model(model.Name) is { } problem)
            {
                report.Error(node, problem);
            }
        }
    }

    /// <summary>Wherever the text stands as a value.</summary>
    private static IEnumerable<YamlNode> Named(YamlNode node, string text) => node switch
    {
        YamlMappingNode mapping => mapping.Children.Values.SelectMany(value => Named(value, text)),
        YamlSequenceNode sequence => sequence.Children.SelectMany(item => Named(item, text)),
        YamlScalarNode { Value: { } value } when value == text => [node],
        _ => [],
    };
}
