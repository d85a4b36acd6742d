using LoraAspire.Pipelines.Stages;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>What a pipeline names and doesn't hold itself: files under the data root, folders under the models root. Each tells what is wrong with a name, or null.</summary>
public sealed record Surroundings(Func<string, string?> DataFile, Func<string, string?> Model)
{
    /// <summary>Reports, at the place of its name, what isn't there: after hours of training is too late for that.</summary>
    internal void Check(StageDraft draft, Report report)
    {
        foreach (var path in draft.With?.DataFiles().Distinct() ?? [])
        {
            if (DataFile(path) is { } problem)
            {
                report.Error(Scalar(draft.Node, path) ?? draft.IdNode, problem);
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

    private static YamlNode? Scalar(YamlNode node, string text) => node.AllNodes.OfType<YamlScalarNode>().FirstOrDefault(scalar => scalar.Value == text);
}
