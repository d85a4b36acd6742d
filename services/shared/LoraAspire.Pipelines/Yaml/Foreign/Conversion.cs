using LoraAspire.Pipelines.Stages;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml.Foreign;

/// <summary>The pipeline that a configuration of another trainer means.</summary>
/// <param name="Trainer">Whose configuration it is.</param>
/// <param name="Yaml">The pipeline; null when the file is of no trainer that is known here, or not readable.</param>
/// <param name="Remarks">What became of a key that didn't go over by itself, each at its line.</param>
/// <param name="Errors">Why there is no pipeline.</param>
public sealed record Conversion(string? Trainer, string? Yaml, IReadOnlyList<Diagnostic> Remarks, IReadOnlyList<Diagnostic> Errors)
{
    private static readonly StageKind[] s_kinds = [StageKinds.DataBuild, StageKinds.Trainer];

    /// <summary>
    /// Keys that other trainers have and a pipeline hasn't: what becomes of each is known, if only why it has no counterpart.
    /// </summary>
    public static IReadOnlySet<string> Keys { get; } = new[]
    {
        ForeignKeys.Names, AliasTable.Renamed.Keys, AliasTable.Inputs.Keys, AliasTable.Computed, AliasTable.Ignored.Keys,
        AliasTable.Fixed.Keys, QuantizedBaseKeys.Names, NoCounterpart.Keys,
    }.SelectMany(keys => keys).ToHashSet();

    /// <param name="file">The name under which remarks speak of the text.</param>
    /// <param name="name">The pipeline's name.</param>
    /// <param name="datasets">LLaMA-Factory's dataset_info.json, where it is at hand: which file each name means.</param>
    public static Conversion Of(string yaml, string file, string name, DatasetInfo? datasets = null)
    {
        var report = new Diagnostics(file);
        try
        {
            if (YamlDocument.Load(yaml, report) is not { } root)
            {
                return new(null, null, [], report.Errors);
            }
            if (ForeignTrainer.Of(root) is not { } trainer)
            {
                report.Error(root, "this is no configuration of axolotl, LLaMA-Factory or alpaca-lora: there is nothing to convert");
                return new(null, null, [], report.Errors);
            }
            var pipeline = new ConvertedPipeline(name);
            var settings = s_kinds.ToDictionary(kind => kind, _ => new YamlMappingNode());
            foreach (var (key, value) in root.Children)
            {
                Place(trainer, key, value, root, pipeline, settings, report, datasets);
            }
            foreach (var kind in s_kinds)
            {
                Understood(settings[kind], kind, pipeline, report);
            }
            pipeline.Complete(trainer);
            pipeline.Check(root, report);
            return new(trainer.Name, pipeline.ToYaml(), [.. report.Notes.OrderBy(note => note.Line)], []);
        }
        catch (TooManyErrorsException)
        {
            return new(null, null, [], report.Errors);
        }
    }

    private static void Place(ForeignTrainer trainer, YamlNode key, YamlNode value, YamlMappingNode root, ConvertedPipeline pipeline,
        Dictionary<StageKind, YamlMappingNode> settings, Diagnostics report, DatasetInfo? datasets)
    {
        var name = Binder.Text(key) ?? "";
        if (ForeignKeys.Take(trainer, name, key, value, root, pipeline, report, datasets))
        {
            return;
        }
        if (AliasTable.Ignored.TryGetValue(name, out var reason))
        {
            report.Note(key, $"{name} is not needed: {reason}");
            return;
        }
        var homes = s_kinds.Where(kind => Knows(kind, name)).ToList();
        homes.ForEach(kind => settings[kind].Add(key, value));
        if (homes.Count == 0)
        {
            report.Note(key, $"{name} has no counterpart: {NoCounterpart.Reason(name)}");
        }
    }

    private static bool Knows(StageKind kind, string key)
    {
        bool Has(string name) => kind.Params.GetProperties().Any(property => property.CanWrite && Binder.KeyOf(property.Name) == name);
        return Has(AliasTable.Renamed.GetValueOrDefault(key, key))
            || (kind == StageKinds.Trainer
                && (AliasTable.Fixed.ContainsKey(key) || QuantizedBaseKeys.Knows(key) || AliasTable.Computed.Contains(key)));
    }

    /// <summary>The settings under their names here. What can't be taken is left out and said.</summary>
    private static void Understood(YamlMappingNode with, StageKind kind, ConvertedPipeline pipeline, Diagnostics report)
    {
        var attempt = new Diagnostics(report.File);
        foreach (var (key, value) in Aliases.Resolve(with, kind, attempt))
        {
            var before = attempt.ErrorCount;
            new Binder(attempt).Record([new(key, value)], kind.Params, with, partial: true);
            if (attempt.ErrorCount == before)
            {
                pipeline.Set(kind, Binder.Text(key)!, value);
            }
        }
        foreach (var error in attempt.Errors)
        {
            report.Note(new Mark(0, error.Line, error.Column), $"left out: {error.Message}");
        }
    }
}
