using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>Text → node tree, refusing what could exhaust memory or the stack.</summary>
internal static class YamlDocument
{
    public const int MaxBytes = 1 << 20;
    private const int MaxDepth = 32;

    /// <summary>The root mapping, or null with the reason in <paramref name="report"/>.</summary>
    public static YamlMappingNode? Load(string text, Report report)
    {
        if (Encoding.UTF8.GetByteCount(text) > MaxBytes)
        {
            report.Error(Mark.Empty, $"a pipeline file is at most {MaxBytes >> 20} MiB: keep data in files that the pipeline names");
            return null;
        }
        try
        {
            if (!IsTame(text, report))
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
            report.Error(error.Start, error.Message);
        }
        return null;
    }

    /// <summary>The event parser keeps its own stack, so depth is checked before the recursive loader runs. An alias is a node written elsewhere: a bomb needs them.</summary>
    private static bool IsTame(string text, Report report)
    {
        var parser = new Parser(new StringReader(text));
        var depth = 0;
        while (parser.MoveNext())
        {
            if (parser.Current is AnchorAlias alias)
            {
                report.Error(alias.Start, $"aliases (*{alias.Value}) are not used in pipelines: write the value out");
                return false;
            }
            depth += parser.Current!.NestingIncrease;
            if (depth > MaxDepth)
            {
                report.Error(parser.Current.Start, $"nested more than {MaxDepth} levels deep");
                return false;
            }
        }
        return true;
    }
}
