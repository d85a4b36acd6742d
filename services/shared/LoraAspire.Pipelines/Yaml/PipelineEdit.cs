using System.Text.Json;
using System.Text.RegularExpressions;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>Reads and changes single values of a pipeline's text; all else of it, comments too, stays as it is written.</summary>
public static partial class PipelineEdit
{
    /// <param name="path">Keys from the stage on, as <c>with.lora_r</c>; * is the first key or item that leads on.</param>
    /// <returns>Null where there is no such text, or the YAML can't be read.</returns>
    public static string? Get(string yaml, string stage, string path) =>
        Stage(yaml, stage) is { } node && Find(node, path.Split('.')) is { } found ? Binder.Text(found) : null;

    /// <summary>With another value there. A key that <c>with</c> lacks is added.</summary>
    /// <returns>Null where that can't be done without a rewrite: the text is to be changed by hand.</returns>
    public static string? Set(string yaml, string stage, string path, string value)
    {
        if (Stage(yaml, stage) is not { } node)
        {
            return null;
        }
        var keys = path.Split('.');
        var changed = Find(node, keys) is { } found ? Replaced(yaml, found, Written(value))
            : keys is ["with", var key] ? Added(yaml, node, key, Written(value)) : null;
        // What came of it is read again: an edit that gives another text than was meant is none.
        return changed is not null && Get(changed, stage, path) == value ? changed : null;
    }

    /// <summary>Without a key of <c>with</c>, and without a <c>with</c> that had no other; its default holds then.</summary>
    /// <returns>Null where that can't be done without a rewrite: the text is to be changed by hand.</returns>
    public static string? Remove(string yaml, string stage, string key)
    {
        if (YamlDocument.Load(yaml, new Diagnostics("")) is not { } meant || Stage(meant, stage) is not { } node
            || Entry(node, "with") is not { Value: YamlMappingNode map } holder || Entry(map, key) is not { } entry)
        {
            return null;
        }
        var changed = map.Children.Count > 1 ? Without(yaml, map, entry, entry.Key) : Without(yaml, node, holder, entry.Key);
        // What came of it is read again: nothing else may be another.
        if (map.Children.Count > 1)
        {
            map.Children.Remove(entry.Key);
        }
        else
        {
            node.Children.Remove(holder.Key);
        }
        return changed is not null && meant.Equals(YamlDocument.Load(changed, new Diagnostics(""))) ? changed : null;
    }

    /// <summary>With another text in place of each input that is exactly this one, as a base that several stages take.</summary>
    public static string? SetInputs(string yaml, string from, string to)
    {
        if (YamlDocument.Load(yaml, new Diagnostics("")) is not { } root)
        {
            return null;
        }
        var changed = yaml;
        foreach (var scalar in Stages(root).Select(stage => Child(stage, "inputs")).OfType<YamlMappingNode>()
            .SelectMany(inputs => inputs.AllNodes.OfType<YamlScalarNode>()).Where(scalar => scalar.Value == from)
            .OrderByDescending(scalar => scalar.Start.Index))
        {
            changed = Replaced(changed, scalar, Written(to)) ?? changed;
        }
        return changed == yaml || YamlDocument.Load(changed, new Diagnostics("")) is null ? null : changed;
    }

    private static IEnumerable<YamlMappingNode> Stages(YamlMappingNode root) =>
        (Child(root, "stages") as YamlSequenceNode)?.Children.OfType<YamlMappingNode>() ?? [];

    private static YamlMappingNode? Stage(string yaml, string id) =>
        YamlDocument.Load(yaml, new Diagnostics("")) is { } root ? Stage(root, id) : null;

    private static YamlMappingNode? Stage(YamlMappingNode root, string id) =>
        Stages(root).FirstOrDefault(stage => Child(stage, "id") is { } node && Binder.Text(node) == id);

    private static KeyValuePair<YamlNode, YamlNode>? Entry(YamlMappingNode map, string key) =>
        map.Children.Where(entry => Binder.Text(entry.Key) == key)
            .Select(entry => (KeyValuePair<YamlNode, YamlNode>?)entry).FirstOrDefault();

    private static YamlNode? Find(YamlNode? node, ReadOnlySpan<string> keys)
    {
        if (keys is [])
        {
            return node is YamlScalarNode ? node : null;
        }
        foreach (var child in Children(node, keys[0]))
        {
            if (Find(child, keys[1..]) is { } found)
            {
                return found;
            }
        }
        return null;
    }

    private static IEnumerable<YamlNode> Children(YamlNode? node, string key) => node switch
    {
        YamlMappingNode map => map.Children.Where(entry => key == "*" || Binder.Text(entry.Key) == key).Select(entry => entry.Value),
        YamlSequenceNode list when key == "*" => list.Children,
        _ => [],
    };

    private static YamlNode? Child(YamlNode? node, string key) => Children(node, key).FirstOrDefault();

    private static string? Replaced(string yaml, YamlNode node, string written)
    {
        var (start, end) = ((int)node.Start.Index, (int)node.End.Index);
        // A text over several lines is no value of a form.
        return start > end || end > yaml.Length || node.Start.Line != node.End.Line ? null : yaml[..start]
            + (start == end && start > 0 && !char.IsWhiteSpace(yaml[start - 1]) ? " " : "") + written + yaml[end..];
    }

    private static string? Added(string yaml, YamlMappingNode stage, string key, string written)
    {
        var with = stage.Children.FirstOrDefault(entry => Binder.Text(entry.Key) == "with");
        if (with.Value is YamlMappingNode { Children.Count: > 0 } map)
        {
            var first = map.Children.First().Key.Start;
            var next = map.Style == MappingStyle.Flow ? ", " : Line(yaml) + new string(' ', (int)first.Column - 1);
            return yaml.Insert((int)first.Index, $"{key}: {written}{next}");
        }
        // After the line of `uses`, which every stage has.
        if (with.Key is not null || stage.Style == MappingStyle.Flow
            || stage.Children.FirstOrDefault(entry => Binder.Text(entry.Key) == "uses").Key is not { } uses)
        {
            return null;
        }
        var end = yaml.IndexOf('\n', (int)uses.Start.Index) is >= 0 and var at ? at : yaml.Length;
        var indent = new string(' ', (int)uses.Start.Column - 1);
        var (before, after) = (yaml[..end].TrimEnd('\r'), end < yaml.Length ? yaml[end..] : Line(yaml));
        return $"{before}{Line(yaml)}{indent}with:{Line(yaml)}{indent}  {key}: {written}"
            + (yaml[..end].EndsWith('\r') ? "\r" : "") + after;
    }

    /// <param name="last">The key whose value ends the entry: itself, or the only one of the map that it leads to.</param>
    private static string? Without(string yaml, YamlMappingNode map, KeyValuePair<YamlNode, YamlNode> entry, YamlNode last)
    {
        var (start, end) = ((int)entry.Key.Start.Index, (int)entry.Value.End.Index);
        if (start >= end || end > yaml.Length)
        {
            return null; // the value stands elsewhere, under an anchor
        }
        if (map.Style == MappingStyle.Flow)
        {
            var (after, before) = (Comma(yaml, end, 1), Comma(yaml, start - 1, -1));
            return after is { } next ? yaml[..start] + yaml[(next + 1)..].TrimStart(' ')
                : before is { } at ? yaml[..at] + yaml[end..] : null;
        }
        // Whole lines, from one that begins with the key to the one in which its value begins, and so ends.
        var begin = yaml.LastIndexOf('\n', start) + 1;
        var through = yaml.IndexOf('\n', (int)last.Start.Index) is >= 0 and var newline ? newline + 1 : yaml.Length;
        return string.IsNullOrWhiteSpace(yaml[begin..start]) && last.Start.Line - entry.Key.Start.Line <= 1
            ? yaml[..begin] + yaml[through..] : null;
    }

    /// <summary>The comma beside an entry; null where it is the last, or the first.</summary>
    private static int? Comma(string yaml, int from, int step)
    {
        var at = from;
        while (at > 0 && at < yaml.Length && char.IsWhiteSpace(yaml[at]))
        {
            at += step;
        }
        return at >= 0 && at < yaml.Length && yaml[at] == ',' ? at : null;
    }

    private static string Line(string yaml) => yaml.Contains("\r\n", StringComparison.Ordinal) ? "\r\n" : "\n";

    /// <summary>As it is where YAML reads that as the same text, else in quotes, which are JSON's.</summary>
    private static string Written(string value) =>
        PlainText().IsMatch(value) ? value : JsonSerializer.Serialize(value, StageKey.ParamsJson);

    [GeneratedRegex(@"\A[\p{L}\p{Nd}_./+][\p{L}\p{Nd}_./+:-]*(?<!:)\z")]
    private static partial Regex PlainText();
}
