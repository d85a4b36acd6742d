using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>
/// Node → typed record, by the record's own properties. Reports every problem and goes on; what failed keeps its default.
/// </summary>
internal sealed class Binder(Diagnostics report)
{
    /// <summary>A record from the entries of a mapping. <paramref name="owner"/> is where a missing key is reported.</summary>
    /// <param name="partial">Only these entries are judged, not what is missing.</param>
    public object Record(IEnumerable<KeyValuePair<YamlNode, YamlNode>> entries, Type type, YamlNode owner, bool partial = false)
    {
        var record = Activator.CreateInstance(type)!;
        var properties = type.GetProperties().Where(property => property.CanWrite).ToDictionary(property => KeyOf(property.Name));
        var missing = properties.Where(pair => pair.Value.IsDefined(typeof(RequiredMemberAttribute))).Select(pair => pair.Key).ToHashSet();
        foreach (var (key, value) in entries)
        {
            var name = Text(key) ?? "";
            missing.Remove(name);
            if (!properties.TryGetValue(name, out var property))
            {
                report.Error(key, $"unknown key '{name}': {Suggestion.For(name, properties.Keys)}");
            }
            else if (Value(value, property.PropertyType, IsNullable(property), name,
                property.GetCustomAttribute<RangeAttribute>()) is { Ok: true } bound)
            {
                property.SetValue(record, bound.Value);
            }
        }
        foreach (var name in partial ? [] : missing)
        {
            report.Error(owner, $"'{name}' is missing");
        }
        return record;
    }

    /// <summary>PromptTemplateName → prompt_template_name.</summary>
    public static string KeyOf(string property) => JsonNamingPolicy.SnakeCaseLower.ConvertName(property);

    public static string? Text(YamlNode node) => (node as YamlScalarNode)?.Value;

    public static bool IsNull(YamlNode node) =>
        node is YamlScalarNode { Style: ScalarStyle.Plain } scalar && scalar.Value is null or "" or "~" or "null";

    /// <param name="range">Of the number, or of each number in a list or in keys with values.</param>
    private (bool Ok, object? Value) Value(YamlNode node, Type type, bool nullable, string what, RangeAttribute? range = null)
    {
        if (IsNull(node))
        {
            return nullable ? (true, null) : Wrong(node, $"'{what}' needs a value: {Describe(type)}");
        }
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
        {
            return List(node, type.GetGenericArguments()[0], what, range);
        }
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>))
        {
            return Map(node, type, what, range);
        }
        if (type == typeof(DeviceChoice))
        {
            return Devices(node) is { } devices ? (true, devices) : Wrong(node, $"'{what}' is {DeviceChoice.Forms}");
        }
        if (type == typeof(DataSource))
        {
            return node is YamlMappingNode named ? (true, Source(named)) : Mismatch(node, type, what);
        }
        if (type.IsClass && type != typeof(string))
        {
            return node is YamlMappingNode mapping ? (true, Record(mapping.Children, type, mapping)) : Mismatch(node, type, what);
        }
        return node is YamlScalarNode scalar && Scalar(scalar, type) is { } value
            ? Beyond(range, value) is { } beyond ? Wrong(node, $"'{what}' {beyond}") : (true, value)
            : type.IsEnum && node is YamlScalarNode word
                ? Wrong(node, $"'{what}' is not '{word.Value}': {Suggestion.For(word.Value ?? "", EnumWords(type))}")
                : Mismatch(node, type, what);
    }

    private static DeviceChoice? Devices(YamlNode node) => node switch
    {
        YamlScalarNode scalar => DeviceChoice.Of(scalar.Value?.ToLowerInvariant() ?? ""),
        YamlSequenceNode list => DeviceChoice.OfGpus([.. list.Children.Select(item => Text(item) ?? "")]),
        _ => null,
    };

    /// <summary>An item of <c>sources</c>: its keys are the kinds that there are.</summary>
    private DataSource Source(YamlMappingNode node)
    {
        List<RecordSource> named = [];
        foreach (var (key, value) in node.Children)
        {
            var name = Text(key) ?? "";
            if (!SourceKinds.All.TryGetValue(name, out var type))
            {
                report.Error(key, $"unknown key '{name}': {Suggestion.For(name, SourceKinds.All.Keys)}");
            }
            else if (Value(value, type, nullable: true, name) is { Ok: true, Value: RecordSource source })
            {
                named.Add(source);
            }
        }
        return new(named);
    }

    /// <summary>One scalar stands for a list of itself, as in <c>lora_target_modules: all-linear</c>.</summary>
    private (bool Ok, object? Value) List(YamlNode node, Type element, string what, RangeAttribute? range)
    {
        var items = node switch
        {
            YamlSequenceNode sequence => sequence.Children,
            YamlScalarNode when element == typeof(string) => [node],
            _ => null,
        };
        if (items is null)
        {
            return Mismatch(node, typeof(IReadOnlyList<>).MakeGenericType(element), what);
        }
        var list = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(element))!;
        foreach (var bound in items.Select(item => Value(item, element, nullable: false, what, range)).Where(bound => bound.Ok))
        {
            list.Add(bound.Value);
        }
        return (true, list);
    }

    /// <summary>Free keys, each with a value of one type.</summary>
    private (bool Ok, object? Value) Map(YamlNode node, Type type, string what, RangeAttribute? range)
    {
        if (node is not YamlMappingNode mapping)
        {
            return Mismatch(node, type, what);
        }
        var element = type.GetGenericArguments()[1];
        var map = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(type.GetGenericArguments()))!;
        foreach (var (key, value) in mapping.Children)
        {
            if (Value(value, element, nullable: false, $"{what}.{Text(key)}", range) is { Ok: true } bound)
            {
                map[Text(key) ?? ""] = bound.Value;
            }
        }
        return (true, map);
    }

    private static object? Scalar(YamlScalarNode node, Type type)
    {
        var text = node.Value ?? "";
        if (type == typeof(string))
        {
            return text;
        }
        if (node.Style != ScalarStyle.Plain && !type.IsEnum)
        {
            return null;
        }
        if (type == typeof(int))
        {
            // 3.0 is how other trainers write 3.
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var whole)
                && Math.Truncate(whole) == whole && whole is >= int.MinValue and <= int.MaxValue ? (int)whole : null;
        }
        if (type == typeof(double))
        {
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
                ? number : null;
        }
        if (type == typeof(bool))
        {
            return text.ToLowerInvariant() switch { "true" => true, "false" => false, _ => null };
        }
        return type.IsEnum
            ? Enum.GetNames(type).FirstOrDefault(name => Plain(name) == Plain(text)) is { } known ? Enum.Parse(type, known) : null
            : throw new NotSupportedException($"{type} has no YAML form");
    }

    /// <summary>
    /// What is wrong with a number that lies outside its range, or null. The attribute's own words, where it has some, tell more.
    /// </summary>
    private static string? Beyond(RangeAttribute? range, object value)
    {
        if (range is null || value is not (int or double))
        {
            return null;
        }
        static double Number(object number) => Convert.ToDouble(number, CultureInfo.InvariantCulture);
        static string Words(object number) => Convert.ToString(number, CultureInfo.InvariantCulture)!;
        var (least, most, given) = (Number(range.Minimum), Number(range.Maximum), Number(value));
        return (range.MinimumIsExclusive ? given <= least : given < least)
            ? range.ErrorMessage ?? $"must be {(range.MinimumIsExclusive ? "above" : "at least")} {Words(range.Minimum)}"
            : (range.MaximumIsExclusive ? given >= most : given > most)
            ? range.ErrorMessage ?? $"must be {(range.MaximumIsExclusive ? "below" : "at most")} {Words(range.Maximum)}"
            : null;
    }

    private (bool, object?) Mismatch(YamlNode node, Type type, string what) =>
        Wrong(node,
            $"'{what}' is {Describe(type)}, "
                + $"not {(node is YamlScalarNode scalar ? $"'{scalar.Value}'" : node is YamlMappingNode ? "keys with values" : "a list")}");

    private (bool, object?) Wrong(YamlNode node, string message)
    {
        report.Error(node, message);
        return (false, null);
    }

    private static string Describe(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        var t when t == typeof(string) => "text",
        var t when t == typeof(int) => "a whole number",
        var t when t == typeof(double) => "a number",
        var t when t == typeof(bool) => "true or false",
        { IsEnum: true } t => $"one of {string.Join(", ", EnumWords(t))}",
        { IsGenericType: true } t when t.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) => "a list",
        _ => "keys with values",
    };

    internal static IEnumerable<string> EnumWords(Type type) => Enum.GetNames(type).Select(JsonNamingPolicy.KebabCaseLower.ConvertName);

    /// <summary>A word of an option as it is compared: without case, hyphens and underscores.</summary>
    internal static string Plain(string word) => word.Replace("-", "").Replace("_", "").ToLowerInvariant();

    internal static bool IsNullable(PropertyInfo property) =>
        new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable;
}
