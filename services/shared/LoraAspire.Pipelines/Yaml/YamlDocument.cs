using System.Buffers;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>Text → node tree, refusing what could exhaust memory or the stack, and what no pipeline needs.</summary>
internal static class YamlDocument
{
    public const int MaxBytes = 1 << 20;
    private const int MaxDepth = 32;
    private const int MaxLetters = 1 << 16;

    /// <summary>The root mapping, or null with the reason in <paramref name="report"/>.</summary>
    public static YamlMappingNode? Load(string text, Diagnostics report)
    {
        if (Encoding.UTF8.GetByteCount(text) > MaxBytes)
        {
            report.Error(Mark.Empty, $"a pipeline file is at most {MaxBytes >> 20} MiB: keep data in files that the pipeline names");
            return null;
        }
        Stack<ParsingEvent> open = [];
        var reached = Mark.Empty;
        try
        {
            if (!IsTame(text, report, open, ref reached))
            {
                return null;
            }
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            if (stream.Documents.Count == 1 && stream.Documents[0].RootNode is YamlMappingNode root)
            {
                return root;
            }
            report.Error(stream.Documents.Count > 0 ? stream.Documents[^1].RootNode.Start : Mark.Empty, stream.Documents.Count > 1
                ? "one document a file: remove what follows '---'"
                : "expected keys with values at the top");
        }
        catch (YamlException error)
        {
            report.Error(error.Start, error.Message + Unclosed(open));
        }
        // The library's scanner has these for what it didn't foresee, such as a list that is never closed.
        catch (Exception error) when (error is InvalidOperationException or ArgumentException or IndexOutOfRangeException or FormatException
            or OverflowException or NotSupportedException)
        {
            report.Error(reached, "not readable as YAML from here on" + Unclosed(open));
        }
        return null;
    }

    /// <summary>
    /// The event parser keeps its own stack, so depth is checked before the recursive loader runs. An alias is a node written elsewhere: a
    /// bomb needs them. A tag names a type for the loader; here the keys do.
    /// </summary>
    /// <param name="open">Lists and mappings that are open where the parser stands, those in brackets as well as those by
    /// indentation.</param>
    /// <param name="reached">Where the parser stands.</param>
    private static bool IsTame(string text, Diagnostics report, Stack<ParsingEvent> open, ref Mark reached)
    {
        var parser = new Parser(new StringReader(text));
        while (parser.MoveNext())
        {
            var current = parser.Current!;
            reached = current.End;
            if (Problem(current, open.Count) is { } problem)
            {
                report.Error(current.Start, problem);
                return false;
            }
            switch (current)
            {
                case SequenceStart or MappingStart: open.Push(current); break;
                case SequenceEnd or MappingEnd: open.Pop(); break;
            }
        }
        return true;
    }

    private static string? Problem(ParsingEvent current, int depth) => current switch
    {
        AnchorAlias alias => $"aliases (*{alias.Value}) are not used in pipelines: write the value out",
        NodeEvent { Tag: { IsEmpty: false } tag } => $"tags ({tag}) are not used in pipelines: remove it",
        SequenceStart or MappingStart when depth >= MaxDepth => $"nested more than {MaxDepth} levels deep",
        Scalar { Value.Length: > MaxLetters } =>
            $"a text of more than {MaxLetters >> 10} thousand letters: keep data in files that the pipeline names",
        Scalar { Value: var value } when value.AsSpan().IndexOfAny(ControlCharacters) is >= 0 and var at =>
            $"a text with the control character U+{(int)value[at]:X4}, which nothing in a pipeline needs: remove it",
        _ => null,
    };

    private static readonly SearchValues<char> ControlCharacters = SearchValues.Create(
        [.. Enumerable.Range(0, 0xA0).Select(code => (char)code)
            .Where(letter => char.IsControl(letter) && letter is not ('\t' or '\n' or '\r'))]);

    /// <summary>The innermost bracket that is open: where it stands tells what to mend, which the place of the error seldom does.</summary>
    private static string Unclosed(Stack<ParsingEvent> open) =>
        open.FirstOrDefault(
            start => start is SequenceStart { Style: SequenceStyle.Flow } or MappingStart { Style: MappingStyle.Flow }) is { } start
            ? $"; the '{(start is SequenceStart ? "[" : "{")}' in line {start.Start.Line}, column {start.Start.Column} is not closed "
                + "before it"
            : "";
}
