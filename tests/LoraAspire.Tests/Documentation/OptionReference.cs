using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Pipelines.Yaml.Schemas;

namespace LoraAspire.Tests.Documentation;

/// <summary>docs/options.md: every key of every stage, from the records and what stands above their properties.</summary>
internal sealed class OptionReference
{
    public const string File = "docs/options.md";

    private readonly SummaryTexts _summaries = new(typeof(StageKind).Assembly);
    private readonly StringBuilder _text = new();

    public static string Text() => new OptionReference().Written();

    private string Written()
    {
        _text.Append("""
            # Every option

            Made from the code by `./build.sh docs`; not to be edited by hand. [data.md](data.md), [training.md](training.md),
            [stages.md](stages.md), [evaluate.md](evaluate.md) and [export.md](export.md) say more.

            Beside `with`, a stage has `id`, `uses`, `inputs`, `retries` (attempts after a failed one; 0 unless given), `timeout`
            (`90s`, `30m`, `12h`) and `needs` (`{ gpu_memory: 40GiB }`: only a worker with such a GPU takes it). A key that is left out has its default; where there is none it is null.

            """);
        foreach (var kind in StageKinds.All)
        {
            _text.Append(CultureInfo.InvariantCulture, $"\n## {kind.Name}\n\nThe stage {kind.Title}. Takes {Ports(kind.Inputs)}. Gives "
                + $"{(kind.Outputs.Count == 0 ? "nothing to the store" : Ports(kind.Outputs))}.\n\n");
            Table(kind.Params);
            foreach (var (key, nested) in Nested(kind.Params))
            {
                _text.Append(CultureInfo.InvariantCulture, $"\n### {key} of {kind.Name}\n\n");
                Table(nested);
            }
        }
        _text.Append("\n## Sources\n\nAn item of `sources` or `held_out` names one of these, as in `alpaca: { path: data/a.json }`. "
            + "Each takes also:\n\n");
        Table(typeof(RecordSource));
        foreach (var (key, source) in SourceKinds.All)
        {
            _text.Append(CultureInfo.InvariantCulture, $"\n### {key}\n\n");
            Table(source, except: typeof(RecordSource));
        }
        return _text.ToString();
    }

    private static string Ports(IReadOnlyList<Port> ports) =>
        string.Join(", ", ports.Select(port => $"`{port.Name}`{(port.Required ? "" : " (optional)")}"));

    private void Table(Type type, Type? except = null)
    {
        var usual = type.IsAbstract ? null : Activator.CreateInstance(type);
        _text.Append("| key | type | default | range | meaning |\n|---|---|---|---|---|\n");
        foreach (var property in OptionTypes.Properties(type).Where(property => except is null || property.DeclaringType != except))
        {
            var meaning = _summaries.Of(property) ?? throw new InvalidOperationException(
                $"{property.DeclaringType!.Name}.{property.Name} has no summary: say above it what it means.");
            var range = property.GetCustomAttribute<RangeAttribute>();
            var standard = property.IsDefined(typeof(RequiredMemberAttribute)) ? "required" : Default(property, usual);
            _text.Append(CultureInfo.InvariantCulture,
                $"| `{Key(property.Name)}` | {Words(property.PropertyType)} | {standard} | {Span(range)} | {Cell(meaning)} |\n");
        }
    }

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    private static IEnumerable<(string Key, Type Type)> Nested(Type type) => OptionTypes.Properties(type)
        .Where(property => OptionTypes.IsNested(property.PropertyType)).Select(property => (Key(property.Name), property.PropertyType));

    private static string Default(PropertyInfo property, object? usual) =>
        (usual is null ? Fresh(property) : property.GetValue(usual)) switch
        {
            null => "",
            bool flag => flag ? "true" : "false",
            "" => "",
            Enum word => Word(word.ToString()),
            IDictionary { Count: 0 } => "{}",
            IEnumerable list and not string => $"[{string.Join(", ", list.Cast<object>())}]",
            { } record when OptionTypes.IsNested(record.GetType()) => "",
            var value => Number(value),
        };

    /// <summary>Of a record that has no instances of its own.</summary>
    private static object? Fresh(PropertyInfo property) =>
        property.GetValue(Activator.CreateInstance(SourceKinds.All.Values.First(property.DeclaringType!.IsAssignableFrom)));

    private static string Span(RangeAttribute? range)
    {
        if (range is null || (range.Minimum is int.MinValue && range.Maximum is int.MaxValue))
        {
            return "";
        }
        var least = Number(range.Minimum);
        var most = range.Maximum is int.MaxValue or (double)int.MaxValue ? null : Number(range.Maximum);
        return (range.MinimumIsExclusive, range.MaximumIsExclusive, most) switch
        {
            (false, _, null) => $"at least {least}",
            (true, _, null) => $"above {least}",
            (true, false, _) => $"above {least}, at most {most}",
            (false, true, _) => $"at least {least}, below {most}",
            (true, true, _) => $"between {least} and {most}",
            _ => $"{least} to {most}",
        };
    }

    /// <summary>0.0003 is 3e-4, as people write it.</summary>
    private static string Number(object value) => value is double and > 0 and < 0.001 and var small
        ? small.ToString("0.###e0", CultureInfo.InvariantCulture) : Convert.ToString(value, CultureInfo.InvariantCulture)!;

    private static string Words(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        var t when t == typeof(string) => "text",
        var t when t == typeof(int) => "whole number",
        var t when t == typeof(double) => "number",
        var t when t == typeof(bool) => "true, false",
        var t when t == typeof(DataSource) => "[source](#sources)",
        { IsEnum: true } t => string.Join(", ", Enum.GetNames(t).Select(name => $"`{Word(name)}`")),
        { IsGenericType: true } t when t.GetGenericArguments().Length == 1 => $"list: {Words(t.GetGenericArguments()[0])}",
        { IsGenericType: true } t => $"keys, each with {Words(t.GetGenericArguments()[1])}",
        var t => OptionTypes.Forms(t) ?? "keys, see below",
    };

    private static string Key(string property) => JsonNamingPolicy.SnakeCaseLower.ConvertName(property);

    private static string Word(string name) => JsonNamingPolicy.KebabCaseLower.ConvertName(name);
}
