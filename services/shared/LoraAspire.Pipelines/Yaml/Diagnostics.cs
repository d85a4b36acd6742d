using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>Collects what there is to say about one file, each with its place.</summary>
internal sealed class Diagnostics(string file)
{
    /// <summary>More than anybody mends at once. A small file could give rise to hundreds of thousands.</summary>
    private const int MaxErrors = 100;

    /// <summary>A message quotes what was written, which may be long.</summary>
    private const int MaxLetters = 1000;

    private readonly List<Diagnostic> _errors = [];
    private readonly List<Diagnostic> _notes = [];
    private readonly Dictionary<YamlNode, Mark> _places = new(ReferenceEqualityComparer.Instance);

    public IReadOnlyList<Diagnostic> Errors => [.. _errors.Distinct().OrderBy(error => error.Line).ThenBy(error => error.Column)];
    public IReadOnlyList<Diagnostic> Notes => _notes;

    public string File { get; } = file;

    /// <summary>Those so far.</summary>
    public int ErrorCount => _errors.Count;

    /// <summary>Another word where <paramref name="written"/> stands, so that errors about it point there.</summary>
    public YamlScalarNode InPlaceOf(YamlNode written, string text)
    {
        var node = new YamlScalarNode(text) { Style = ScalarStyle.Plain };
        _places[node] = written.Start;
        return node;
    }

    /// <exception cref="TooManyErrorsException">Nothing more is worth saying.</exception>
    public void Error(YamlNode node, string message) => Error(_places.GetValueOrDefault(node, node.Start), message);

    /// <inheritdoc cref="Error(YamlNode, string)"/>
    public void Error(Mark at, string message)
    {
        _errors.Add(new(File, at.Line, at.Column, Cut(message)));
        if (_errors.Count == MaxErrors)
        {
            _errors.Add(new(File, at.Line, at.Column, $"{MaxErrors} errors are enough: the rest of the file was not looked at"));
            throw new TooManyErrorsException();
        }
    }

    public void Note(YamlNode node, string message) => Note(_places.GetValueOrDefault(node, node.Start), message);

    /// <inheritdoc cref="Note(YamlNode, string)"/>
    public void Note(Mark at, string message) => _notes.Add(new(File, at.Line, at.Column, Cut(message)));

    /// <summary>The middle goes: a message ends with what to do.</summary>
    private static string Cut(string message) =>
        message.Length <= MaxLetters ? message
            : $"{message.AsSpan(0, MaxLetters * 3 / 4)} … {message.AsSpan(message.Length - (MaxLetters / 4))}";
}

/// <summary>Ends the reading of a file that is wrong all over.</summary>
internal sealed class TooManyErrorsException : Exception;
