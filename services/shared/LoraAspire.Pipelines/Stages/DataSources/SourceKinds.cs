using System.ComponentModel;
using System.Reflection;

namespace LoraAspire.Pipelines.Stages.DataSources;

/// <summary>The kinds of sources: every record that derives from <see cref="RecordSource"/>. Nothing lists them.</summary>
public static class SourceKinds
{
    /// <summary>
    /// Every stage key holds these, as null where a source is of another kind, and keys must stay what they are: also for a kind that is no
    /// longer there. One that came later
    /// stands only in the keys of those who use it.
    /// </summary>
    internal static readonly string[] InEveryKey = ["alpaca", "chat", "table", "parallel", "self_cognition", "grammar"];

    /// <summary>YAML key → record, in the order of the documentation.</summary>
    public static IReadOnlyDictionary<string, Type> All { get; } = new OrderedDictionary<string, Type>(
        typeof(RecordSource).Assembly.GetTypes()
        .Where(type => type.IsSubclassOf(typeof(RecordSource))).Select(type => KeyValuePair.Create(KeyOf(type), type))
        .OrderBy(kind => (uint)Array.IndexOf(InEveryKey, kind.Key)).ThenBy(kind => kind.Key, StringComparer.Ordinal));

    /// <summary>For messages.</summary>
    internal static string Names => string.Join(", ", All.Keys);

    /// <summary>The documentation's table, a row for each kind.</summary>
    public static IEnumerable<string> Table() =>
        ["| source | reads |", "|---|---|", .. All.Select(kind => $"| `{kind.Key}` | {Described(kind.Value)} |")];

    /// <summary>What the documentation says of a kind.</summary>
    public static string Described(Type kind) => kind.GetCustomAttribute<DescriptionAttribute>()!.Description;

    /// <summary>The YAML's key of a record that derives from <see cref="RecordSource"/>.</summary>
    public static string KeyOf(Type type) => Yaml.Binder.KeyOf(type.Name[..^"Source".Length]);
}
