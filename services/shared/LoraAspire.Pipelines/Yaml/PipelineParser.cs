using System.Globalization;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Terminal;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml;

/// <summary>YAML → <see cref="Pipeline"/>, or everything that is wrong with it at once.</summary>
public static class PipelineParser
{
    private static readonly string[] TopKeys = ["name", "stages"];
    private static readonly string[] StageKeys = ["id", "uses", "with", "inputs", "retries", "timeout", "needs"];
    private static readonly string[] NeedsKeys = ["gpu_memory"];
    private const int MaxStages = 500;

    private static readonly TimeSpan ShortestTimeout = TimeSpan.FromMilliseconds(1);

    /// <summary>Ten years: what is longer is a slip.</summary>
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromDays(3650);

    /// <param name="file">The name under which errors speak of the text.</param>
    /// <param name="references">Also holds the names of files and models to what is there; null where that isn't known.</param>
    public static ParsedPipeline Parse(string yaml, string file, ReferenceCheck? references = null)
    {
        var report = new Diagnostics(file);
        var pipeline = Reported(() => YamlDocument.Load(yaml, report) is { } root ? Read(root, report, references) : null);
        return new(file, yaml, report.ErrorCount == 0 ? pipeline : null, report.Errors, report.Notes);
    }

    /// <summary>The <c>with</c> of one stage, from a file of its own.</summary>
    /// <exception cref="PipelineException">With every reason.</exception>
    public static StageParams ParseParams(string yaml, string file, StageKind kind)
    {
        var report = new Diagnostics(file);
        var with = Reported(() => (string.IsNullOrWhiteSpace(yaml) ? new YamlMappingNode() : YamlDocument.Load(yaml, report)) is { } root
            ? With(root, kind, root, report) : null);
        return report.ErrorCount == 0 ? with! : throw new PipelineException(report.Errors);
    }

    private static T? Reported<T>(Func<T?> read) where T : class
    {
        try
        {
            return read();
        }
        catch (TooManyErrorsException)
        {
            return null;
        }
    }

    private static Pipeline? Read(YamlMappingNode root, Diagnostics report, ReferenceCheck? references)
    {
        if (Foreign.ForeignTrainer.Of(root) is { } trainer)
        {
            report.Error(root,
                $"this is a configuration of {trainer.Name}, not a pipeline: `lora convert {report.File}` prints the pipeline that it "
                    + "means");
            return null;
        }
        var top = Known(root, TopKeys, report);
        var name = Required(root, top, "name", report) is { } node ? Binder.Text(node) : null;
        if (name is not null && !Identifiers.IsPipeline(name))
        {
            report.Error(top["name"], $"'name' is {Identifiers.PipelineForm}");
        }
        if (Required(root, top, "stages", report) is not { } list)
        {
            return null;
        }
        if (list is not YamlSequenceNode { Children.Count: > 0 } sequence)
        {
            report.Error(list, "'stages' is a list with at least one stage");
            return null;
        }
        if (sequence.Children.Count > MaxStages)
        {
            report.Error(sequence.Children[MaxStages], $"a pipeline has at most {MaxStages} stages");
            return null;
        }
        var drafts = sequence.Children.Select(child => Draft(child, report)).OfType<StageDraft>().ToList();
        Wiring.Check(drafts, report);
        drafts.ForEach(draft => references?.Check(draft, report));
        return report.ErrorCount > 0 || name is null ? null : new(name, [.. drafts.Select(draft => draft.Spec())]);
    }

    private static StageDraft? Draft(YamlNode node, Diagnostics report)
    {
        if (node is not YamlMappingNode mapping)
        {
            report.Error(node, "a stage is keys with values: id, uses, with, inputs");
            return null;
        }
        var keys = Known(mapping, StageKeys, report);
        var id = Required(mapping, keys, "id", report) is { } idNode ? Binder.Text(idNode) : null;
        if (id is not null && !Identifiers.IsStage(id))
        {
            report.Error(keys["id"], $"'{id}' is no stage id: {Identifiers.StageForm}");
        }
        StageKind? kind = null;
        if (Required(mapping, keys, "uses", report) is { } uses && (kind = StageKinds.Find(Binder.Text(uses) ?? "")) is null)
        {
            report.Error(uses,
                $"unknown stage kind "
                    + $"'{Binder.Text(uses)}': {Suggestion.For(Binder.Text(uses) ?? "", StageKinds.All.Select(known => known.Name))}");
        }
        var with = kind is null ? null : keys.GetValueOrDefault("with") switch
        {
            null => With(new YamlMappingNode(), kind, keys["uses"], report),
            YamlMappingNode given => With(given, kind, given, report),
            var empty when Binder.IsNull(empty) => With(new YamlMappingNode(), kind, empty, report),
            var other => Refuse(other, "'with' is keys with values", report),
        };
        var inputs = Inputs(keys.GetValueOrDefault("inputs"), report);
        if (kind is not null && keys.GetValueOrDefault("with") is YamlMappingNode named)
        {
            inputs = InputAliases.Resolve(named, kind, inputs, report);
        }
        return new(mapping, id, kind, with, inputs, Retries(keys, report), Timeout(keys, report)) { Needs = Needs(keys, report) };
    }

    private static StageParams? Refuse(YamlNode node, string message, Diagnostics report)
    {
        report.Error(node, message);
        return null;
    }

    private static StageParams With(YamlMappingNode with, StageKind kind, YamlNode place, Diagnostics report)
    {
        var before = report.ErrorCount;
        var parameters = (StageParams)new Binder(report).Record(Aliases.Resolve(with, kind, report), kind.Params, place);
        if (report.ErrorCount == before)
        {
            foreach (var (key, problem) in parameters.Validate())
            {
                report.Error(Find(with, key) ?? place, $"'{key}' {problem}");
            }
        }
        return parameters;
    }

    /// <summary>The value under a key, or with "key[2]" an item of its list.</summary>
    internal static YamlNode? Find(YamlMappingNode with, string key)
    {
        var name = key.Split('[')[0];
        var value = with.Children.FirstOrDefault(entry => Binder.Text(entry.Key) == name).Value;
        return name.Length < key.Length && value is YamlSequenceNode list
            ? list.Children[int.Parse(key.AsSpan(name.Length + 1, key.Length - name.Length - 2), CultureInfo.InvariantCulture)] : value;
    }

    private static IReadOnlyDictionary<string, YamlNode> Inputs(YamlNode? node, Diagnostics report)
    {
        if (node is YamlMappingNode mapping)
        {
            Dictionary<string, YamlNode> inputs = [];
            foreach (var (name, value) in mapping.Children.SelectMany(entry => Named(Binder.Text(entry.Key), entry.Value)))
            {
                if (!inputs.TryAdd(name, value))
                {
                    report.Error(value, $"input '{name}' is given twice, first in line {inputs[name].Start.Line}: keep one");
                }
            }
            return inputs;
        }
        if (node is not null && !Binder.IsNull(node))
        {
            report.Error(node, "'inputs' is keys with values: input name, then STAGE.OUTPUT or model:NAME");
        }
        return new Dictionary<string, YamlNode>();
    }

    /// <summary>Keys with values below an input's name are inputs of their own, as candidates.early.</summary>
    private static IEnumerable<(string Name, YamlNode Value)> Named(string? name, YamlNode value) => name is null ? []
        : value is not YamlMappingNode many ? [(name, value)]
        : many.Children.Select(entry => ($"{name}.{Binder.Text(entry.Key)}", entry.Value));

    private static int Retries(Dictionary<string, YamlNode> keys, Diagnostics report)
    {
        if (!keys.TryGetValue("retries", out var node))
        {
            return 0;
        }
        if (int.TryParse(Binder.Text(node), NumberStyles.None, CultureInfo.InvariantCulture, out var retries) && retries <= 100)
        {
            return retries;
        }
        report.Error(node, "'retries' is a whole number from 0 to 100");
        return 0;
    }

    /// <summary>90s, 30m, 6h, 2d.</summary>
    private static TimeSpan? Timeout(Dictionary<string, YamlNode> keys, Diagnostics report)
    {
        if (!keys.TryGetValue("timeout", out var node))
        {
            return null;
        }
        var seconds = Duration.Seconds(Binder.Text(node) ?? "");
        if (seconds >= ShortestTimeout.TotalSeconds && seconds <= LongestTimeout.TotalSeconds)
        {
            return TimeSpan.FromSeconds(seconds);
        }
        report.Error(node, double.IsNaN(seconds) ? "'timeout' is a number with its unit: 90s, 30m, 6h or 2d"
            : seconds < ShortestTimeout.TotalSeconds ? "'timeout' must be above 0: leave it out for no limit"
            : $"'timeout' must be at most {LongestTimeout.TotalDays:0}d: leave it out for no limit");
        return null;
    }

    /// <summary>{ gpu_memory: 40GiB }</summary>
    private static StageNeeds? Needs(Dictionary<string, YamlNode> keys, Diagnostics report)
    {
        if (!keys.TryGetValue("needs", out var node) || Binder.IsNull(node))
        {
            return null;
        }
        if (node is not YamlMappingNode given)
        {
            report.Error(node, "'needs' is keys with values, such as { gpu_memory: 40GiB }");
            return null;
        }
        if (!Known(given, NeedsKeys, report).TryGetValue("gpu_memory", out var memory))
        {
            return null;
        }
        if (GpuSize.Read(Binder.Text(memory) ?? "") is { } size)
        {
            return new(size);
        }
        report.Error(memory, $"'gpu_memory' is {GpuSize.Form}");
        return null;
    }

    private static Dictionary<string, YamlNode> Known(YamlMappingNode mapping, string[] known, Diagnostics report)
    {
        var found = new Dictionary<string, YamlNode>();
        foreach (var (key, value) in mapping.Children)
        {
            var name = Binder.Text(key) ?? "";
            found[name] = value;
            if (!known.Contains(name))
            {
                report.Error(key, $"unknown key '{name}': {Suggestion.For(name, known)}");
            }
        }
        return found;
    }

    private static YamlNode? Required(YamlMappingNode owner, Dictionary<string, YamlNode> keys, string key, Diagnostics report)
    {
        if (!keys.TryGetValue(key, out var node))
        {
            report.Error(owner, $"'{key}' is missing");
            return null;
        }
        if (Binder.IsNull(node) || (key != "stages" && node is not YamlScalarNode))
        {
            report.Error(node, $"'{key}' needs {(key == "stages" ? "a list" : "a word")}");
            return null;
        }
        return node;
    }
}
