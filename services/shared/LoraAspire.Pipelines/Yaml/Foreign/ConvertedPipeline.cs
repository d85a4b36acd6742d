using LoraAspire.Pipelines.Stages;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml.Foreign;

/// <summary>data-build → trainer → merger, filled in key by key.</summary>
internal sealed class ConvertedPipeline(string name)
{
    private readonly YamlMappingNode _data = new();
    private readonly YamlMappingNode _train = new();

    /// <summary>A folder under the models root.</summary>
    public string Base { get; set; } = "NAME";

    public YamlSequenceNode Sources { get; } = new();
    public YamlSequenceNode HeldOut { get; } = new();

    public void Set(StageKind kind, string key, YamlNode value) => With(kind).Children[Word(key)] = value;

    /// <summary>What the trainer does where its file is silent.</summary>
    public void Complete(ForeignTrainer trainer)
    {
        var batch = Of("micro_batch_size");
        foreach (var (kind, key, value) in trainer.Defaults.Where(given => !With(given.Kind).Children.ContainsKey(Word(given.Key))))
        {
            Set(kind, key, Word(key == "batch_size" && batch is not null ? batch : value));
        }
        if (trainer == ForeignTrainer.LlamaFactory && Of("lora_alpha") is null && int.TryParse(Of("lora_r") ?? "8", out var rank))
        {
            Set(StageKinds.Trainer, "lora_alpha", Word((2 * rank).ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }
    }

    private string? Of(string key) => _train.Children.TryGetValue(Word(key), out var value) ? Binder.Text(value) : null;

    private YamlMappingNode With(StageKind kind) => kind == StageKinds.DataBuild ? _data : _train;

    /// <summary>Says what keeps the pipeline from running as it stands: the parser judges it as it will judge the file.</summary>
    public void Check(YamlNode place, Diagnostics report)
    {
        foreach (var error in PipelineParser.Parse(ToYaml(), report.File).Errors)
        {
            report.Note(place, $"to be mended by hand: {error.Message}");
        }
    }

    public string ToYaml()
    {
        YamlMappingNode data = new(_data.Children);
        data.Add("sources", Sources);
        if (HeldOut.Children.Count > 0)
        {
            data.Add("held_out", HeldOut);
        }
        var model = "model:" + Base;
        YamlMappingNode root = new()
        {
            { "name", name },
            {
                "stages", new YamlSequenceNode(
                    Stage("data", StageKinds.DataBuild, Inputs(("base", model)), data),
                    Stage("tune", StageKinds.Trainer, Inputs(("dataset", "data.dataset"), ("base", model)), _train),
                    Stage("merge", StageKinds.Merger, Inputs(("base", model), ("adapter", "tune.adapter")), new()))
            },
        };
        using StringWriter text = new();
        new YamlStream(new YamlDotNet.RepresentationModel.YamlDocument(root)).Save(text, assignAnchors: false);
        return text.ToString().Replace("\r", "").TrimEnd('.', '\n') + "\n";
    }

    private static YamlMappingNode Stage(string id, StageKind kind, YamlMappingNode inputs, YamlMappingNode with)
    {
        YamlMappingNode stage = new() { { "id", id }, { "uses", kind.Name }, { "inputs", inputs } };
        if (with.Children.Count > 0)
        {
            stage.Add("with", with);
        }
        return stage;
    }

    private static YamlMappingNode Inputs(params (string Name, string From)[] inputs) =>
        new(inputs.Select(input => KeyValuePair.Create((YamlNode)Word(input.Name), (YamlNode)Word(input.From))))
        {
            Style =
            MappingStyle.Flow
        };

    public static YamlScalarNode Word(string text) => new(text) { Style = ScalarStyle.Any };
}
