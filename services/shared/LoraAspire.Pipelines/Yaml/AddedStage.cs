using LoraAspire.Pipelines.Stages;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>
/// A pipeline with one more stage behind the others, under another name; its own stages keep their keys, and so their results.
/// </summary>
public static class AddedStage
{
    /// <param name="yaml">A pipeline that the parser takes.</param>
    /// <param name="name">Of the new pipeline.</param>
    /// <param name="stage">The stage: one mapping of YAML.</param>
    /// <returns>Without comments, and without stages whose effect is outside the store: those would be done again.</returns>
    /// <exception cref="PipelineException">One of the two can't be read.</exception>
    public static string To(string yaml, string name, string stage)
    {
        var root = Read(yaml);
        var stages = (YamlSequenceNode)root.Children["stages"];
        YamlSequenceNode kept = new(stages.Children.Where(IsCached).Append(Read(stage)));
        YamlMappingNode made = new() { { "name", new YamlScalarNode(name) }, { "stages", kept } };
        kept.Style = SequenceStyle.Block;
        using StringWriter text = new();
        new YamlStream(new YamlDotNet.RepresentationModel.YamlDocument(made)).Save(text, assignAnchors: false);
        return text.ToString().Replace("\r", "").TrimEnd('.', '\n') + "\n";
    }

    private static bool IsCached(YamlNode stage) =>
        StageKinds.Find(Binder.Text(((YamlMappingNode)stage).Children["uses"]) ?? "") is not { Cached: false };

    private static YamlMappingNode Read(string yaml)
    {
        Diagnostics report = new("pipeline.yaml");
        return YamlDocument.Load(yaml, report) ?? throw new PipelineException(report.Errors);
    }
}
