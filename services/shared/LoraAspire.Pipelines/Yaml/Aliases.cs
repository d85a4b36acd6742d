using System.Globalization;
using System.Reflection;
using LoraAspire.Pipelines.Stages;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>Keys that users bring from other trainers (<see cref="AliasTable"/>): understood with a note, or refused in words.</summary>
internal static class Aliases
{
    private const string BaseType = "base_type", FinetuningType = "finetuning_type";

    /// <summary>The entries of <c>with</c> under their canonical keys.</summary>
    public static IEnumerable<KeyValuePair<YamlNode, YamlNode>> Resolve(YamlMappingNode with, StageKind kind, Diagnostics report)
    {
        var written = with.Children.Where(entry => Binder.Text(entry.Key) is not null)
            .ToDictionary(entry => Binder.Text(entry.Key)!, entry => entry.Value);
        string? baseType = Binder.Text(written.GetValueOrDefault(BaseType) ?? "") is { Length: > 0 } given ? given : null;
        foreach (var (key, value) in with.Children)
        {
            var name = Binder.Text(key) ?? "";
            if (InputAliases.Takes(kind, name))
            {
                continue; // it is an input: see InputAliases
            }
            if (AliasTable.Fixed.TryGetValue(name, out var only))
            {
                TakeHarmless(key, value, name, only, report);
            }
            else if (AliasTable.Ignored.TryGetValue(name, out var instead))
            {
                report.Note(key, $"{name} is not needed: {instead}");
            }
            else if (name is "data_path" or "dataset" && Takes(kind, "sources"))
            {
                if (Source(key, value, name, written, report) is { } source)
                {
                    yield return source;
                }
            }
            else if (name is "gradient_accumulation_steps" && Takes(kind, "batch_size"))
            {
                if (BatchSize(key, value, kind, written, report) is { } batch)
                {
                    yield return new(report.InPlaceOf(key, "batch_size"),
                        report.InPlaceOf(value, batch.ToString(CultureInfo.InvariantCulture)));
                }
            }
            else if (name is "lora_target_linear" && Takes(kind, "lora_target_modules"))
            {
                report.Note(key,
                    $"lora_target_linear: {Binder.Text(value)} understood as "
                        + $"lora_target_modules{(Binder.Text(value) == "true" ? ": all-linear" : " as given")}");
                if (Binder.Text(value) == "true")
                {
                    yield return new(report.InPlaceOf(key, "lora_target_modules"), report.InPlaceOf(value, "all-linear"));
                }
            }
            else if (QuantizedBaseKeys.Knows(name) && Takes(kind, BaseType) || name is "adapter" && Binder.Text(value) == "qlora"
                && Takes(kind, BaseType))
            {
                var wanted = name is "adapter" ? "nf4" : QuantizedBaseKeys.Read(key, value, name, report);
                if (name is "adapter")
                {
                    if (!written.TryGetValue(FinetuningType, out var tuning))
                    {
                        yield return new(report.InPlaceOf(key, FinetuningType), report.InPlaceOf(value, "lora"));
                    }
                    else if (Binder.Text(tuning) is { Length: > 0 } other && !Binder.IsNull(tuning) && Binder.Plain(other) is not "lora")
                    {
                        report.Error(key, $"'adapter: qlora' means '{FinetuningType}: lora', but {other} is asked for too: keep one");
                    }
                }
                if (wanted is not null && baseType is not null && wanted != Binder.Plain(baseType))
                {
                    report.Error(key, $"'{name}' means '{BaseType}: {wanted}', but {baseType} is asked for too: keep one");
                }
                else if (wanted is not null)
                {
                    report.Note(key, $"{name} understood as {BaseType}: {wanted}");
                    if (baseType is null)
                    {
                        yield return new(report.InPlaceOf(key, BaseType), report.InPlaceOf(value, wanted));
                    }
                    baseType = wanted;
                }
            }
            else if (AliasTable.Renamed.TryGetValue(name, out var canonical) && Takes(kind, canonical))
            {
                if (written.ContainsKey(canonical))
                {
                    report.Error(key, $"'{name}' means '{canonical}', which is also given: keep one");
                    continue;
                }
                report.Note(key, $"{name} understood as {canonical}");
                yield return new(report.InPlaceOf(key, canonical),
                    canonical is "lora_target_modules" or "modules_to_save" ? Modules(value, report) : value);
            }
            else if (Home(kind, name) is { } home)
            {
                report.Error(key,
                    $"'{name}' belongs to a {home.Kind} stage{(home.Key == name ? "" : $", where it is called {home.Key}")}: write it "
                        + "there");
            }
            else
            {
                yield return new(key, value);
            }
        }
    }

    /// <summary>The keys of other trainers that a stage of this kind doesn't refuse by their name.</summary>
    public static IEnumerable<string> TakenBy(StageKind kind) =>
    [
        .. AliasTable.Ignored.Keys, .. AliasTable.Fixed.Keys, .. AliasTable.Inputs.Keys.Where(key => InputAliases.Takes(kind, key)),
        .. AliasTable.Renamed.Where(alias => Takes(kind, alias.Value)).Select(alias => alias.Key),
        .. Takes(kind, "sources") ? new[] { "data_path", "dataset" } : [],
        .. Takes(kind, "batch_size") ? AliasTable.Computed : [],
        .. Takes(kind, BaseType) ? QuantizedBaseKeys.Names : [],
    ];

    private static bool Takes(StageKind kind, string key) => Parameter(kind, key) is not null;

    private static PropertyInfo? Parameter(StageKind kind, string key) =>
        kind.Params.GetProperties().FirstOrDefault(property => property.CanWrite && Binder.KeyOf(property.Name) == key);

    /// <summary>Where a key that this kind doesn't know is at home; null when it knows it, or nobody does.</summary>
    private static (string Kind, string Key)? Home(StageKind kind, string name)
    {
        var key = name is "data_path" or "dataset" ? "sources" : QuantizedBaseKeys.Knows(name) ? BaseType
            : AliasTable.Renamed.GetValueOrDefault(name, name);
        return Takes(kind, name) ? null
            : StageKinds.All.FirstOrDefault(other => other != kind && Takes(other, name)) is { } own ? (own.Name, name)
            : StageKinds.All.FirstOrDefault(other => other != kind && Takes(other, key)) is { } renamed ? (renamed.Name, key)
            : name is "adapter_name_or_path" && StageKinds.All.FirstOrDefault(other => InputAliases.Takes(other, name)) is { } input
                ? (input.Name, "the input adapter")
            : null;
    }

    private static void TakeHarmless(YamlNode key, YamlNode value, string name, (string[] Harmless, string Reason) only, Diagnostics report)
    {
        if (only.Harmless.Contains(Binder.Text(value)?.ToLowerInvariant() ?? (value is YamlScalarNode ? "" : null)))
        {
            report.Note(key, $"{name}: {Binder.Text(value)} is what is done anyway");
        }
        else
        {
            report.Error(key, $"'{name}': {only.Reason}");
        }
    }

    /// <summary>alpaca-lora's one data file as a list of one source.</summary>
    private static KeyValuePair<YamlNode, YamlNode>? Source(YamlNode key, YamlNode value, string name, Dictionary<string, YamlNode> written,
        Diagnostics report)
    {
        if (written.ContainsKey("sources"))
        {
            report.Error(key, $"'{name}' means 'sources', which is also given: keep one");
            return null;
        }
        report.Note(key, $"{name} understood as sources: [{{ alpaca: {{ path: {Binder.Text(value)} }} }}]");
        var alpaca = new YamlMappingNode(report.InPlaceOf(key, "path"), value);
        return new(report.InPlaceOf(key, "sources"), new YamlSequenceNode(new YamlMappingNode(report.InPlaceOf(key, "alpaca"), alpaca)));
    }

    private static int? BatchSize(YamlNode key, YamlNode value, StageKind kind, Dictionary<string, YamlNode> written, Diagnostics report)
    {
        var micro = written.GetValueOrDefault("micro_batch_size") ?? written.GetValueOrDefault("per_device_train_batch_size");
        var microSize = micro is not null ? Whole(micro)
            : Parameter(kind, "micro_batch_size")?.GetValue(Activator.CreateInstance(kind.Params)) as int?;
        var steps = Whole(value);
        if (steps is not > 0 || microSize is null || (long)steps * microSize > int.MaxValue)
        {
            report.Error(value, steps > 0 && microSize is not null
                ? $"gradient_accumulation_steps {steps} × micro_batch_size {microSize} is more than any batch has"
                : "'gradient_accumulation_steps' is a whole number of at least 1");
            return null;
        }
        if (written.TryGetValue("batch_size", out var batch))
        {
            if (Whole(batch) != steps * microSize)
            {
                report.Error(key,
                    $"gradient_accumulation_steps {steps} × micro_batch_size {microSize} is not batch_size {Binder.Text(batch)}: keep "
                        + "one of the two");
            }
            return null;
        }
        report.Note(key, $"gradient_accumulation_steps understood as batch_size: {steps * microSize}");
        return steps * microSize;
    }

    /// <summary>LLaMA-Factory writes "all", or names with commas between.</summary>
    private static YamlNode Modules(YamlNode value, Diagnostics report) => Binder.Text(value) switch
    {
        "all" => report.InPlaceOf(value, "all-linear"),
        { } text when text.Contains(',') =>
            new YamlSequenceNode(text.Split(',', StringSplitOptions.TrimEntries).Select(name => report.InPlaceOf(value, name))),
        _ => value,
    };

    private static int? Whole(YamlNode node) => int.TryParse(Binder.Text(node), CultureInfo.InvariantCulture, out var whole) ? whole : null;
}
