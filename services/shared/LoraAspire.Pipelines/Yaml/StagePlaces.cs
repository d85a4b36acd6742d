using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>Where in a pipeline's text something stands that is said of a stage after parsing.</summary>
public static class StagePlaces
{
    /// <param name="key">A parameter or an input of the stage, "key[2]" for an item of a list; another word means the stage itself.</param>
    public static Diagnostic At(ParsedPipeline parsed, string stage, string key, string message)
    {
        var root = YamlDocument.Load(parsed.Yaml, new Diagnostics(parsed.File));
        var node =
            (Child(root, "stages") as YamlSequenceNode)?.Children.FirstOrDefault(child => Binder.Text(Child(child, "id") ?? "") == stage);
        var place = PipelineParser.Find(Child(node, "with") as YamlMappingNode ?? new(), key) ?? Child(Child(node, "inputs"), key)
            ?? (key.Split('.', 2) is [var port, var name] ? Child(Child(Child(node, "inputs"), port), name) : null) ?? Child(node, "id");
        return new(parsed.File, place?.Start.Line ?? 1, place?.Start.Column ?? 1, message);
    }

    private static YamlNode? Child(YamlNode? node, string key) =>
        (node as YamlMappingNode)?.Children.FirstOrDefault(entry => Binder.Text(entry.Key) == key).Value;
}
