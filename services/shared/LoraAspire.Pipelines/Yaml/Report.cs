using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>Collects everything there is to say about one file, each with its place.</summary>
internal sealed class Report(string file)
{
    private readonly List<Diagnostic> _errors = [];
    private readonly List<Diagnostic> _notes = [];
    private readonly Dictionary<YamlNode, Mark> _places = new(ReferenceEqualityComparer.Instance);

    public IReadOnlyList<Diagnostic> Errors => [.. _errors.Distinct().OrderBy(error => error.Line).ThenBy(error => error.Column)];
    public IReadOnlyList<Diagnostic> Notes => _notes;

    /// <summary>Another word where <paramref name="written"/> stands, so that errors about it point there.</summary>
    public YamlScalarNode InPlaceOf(YamlNode written, string text)
    {
        var node = new YamlScalarNode(text) { Style = ScalarStyle.Plain };
        _places[node] = written.Start;
        return node;
    }

    public void Error(YamlNode node, string message) => Error(_places.GetValueOrDefault(node, node.Start), message);
    public void Error(Mark at, string message) => _errors.Add(new(file, at.Line, at.Column, message));
    public void Note(YamlNode node, string message) => _notes.Add(new(file, node.Start.Line, node.Start.Column, message));
}
