using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using YamlDotNet.RepresentationModel;

namespace LoraAspire.Pipelines.Yaml.Foreign;

/// <summary>
/// Keys that mean something other than a setting of the same or another name: the base, the data, the template, the arithmetic.
/// </summary>
internal static class ForeignKeys
{
    private const string ChatTemplate = "chat_template";

    /// <summary>All of them. Some are only of one trainer, or of one value.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "base_model", "model_name_or_path", "datasets", "test_datasets", "data_path", "dataset", "eval_dataset", "max_samples", "template",
        ChatTemplate, "bf16", "pure_bf16", "bfloat16", "fp16", "float16", "optim", "optimizer", "adapter",
    ];

    /// <returns>Whether the key was one of them.</returns>
    public static bool Take(ForeignTrainer trainer, string name, YamlNode key, YamlNode value, YamlMappingNode root,
        ConvertedPipeline pipeline,
        Diagnostics report, DatasetInfo? datasets)
    {
        if (!Names.Contains(name))
        {
            return false;
        }
        var text = Binder.Text(value) ?? "";
        switch (name)
        {
            case "base_model" or "model_name_or_path":
                pipeline.Base = NameOf(text);
                report.Note(key, $"{text}: put the model's folder, or a link to it, at models/{pipeline.Base}");
                return true;
            case "datasets" or "test_datasets":
                foreach (var item in (value as YamlSequenceNode)?.Children ?? [])
                {
                    AxolotlSource(item, name == "datasets" ? pipeline.Sources : pipeline.HeldOut, report);
                }
                return true;
            case "data_path":
                pipeline.Sources.Add(Source("alpaca", LocalPath(text, value, report)));
                return true;
            case "dataset" or "eval_dataset" when trainer == ForeignTrainer.LlamaFactory:
                foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                {
                    NamedSource(part, value, root, name == "dataset" ? pipeline.Sources : pipeline.HeldOut, report, datasets);
                }
                return true;
            case "max_samples":
                return true; // taken with the sources
            case "template" when trainer == ForeignTrainer.LlamaFactory:
            case ChatTemplate:
                var known = DataBuildParams.BuiltInTemplates.Contains(text);
                pipeline.Set(StageKinds.DataBuild, "prompt_template_name", ConvertedPipeline.Word(known ? text : ChatTemplate));
                if (!known)
                {
                    report.Note(key, $"{name}: {text} understood as prompt_template_name: {ChatTemplate}, the base's own");
                }
                return true;
            case "bf16" or "pure_bf16" or "bfloat16":
                if (text is "true")
                {
                    pipeline.Set(StageKinds.Trainer, "compute_type", ConvertedPipeline.Word("bfloat16"));
                }
                return true;
            case "fp16" or "float16":
                if (text is "true")
                {
                    pipeline.Set(StageKinds.Trainer, "compute_type", ConvertedPipeline.Word("float16"));
                    report.Note(key, $"{name} understood as compute_type: float16, with a loss scale; a GPU of compute capability 8.0 or "
                        + "above is faster in bfloat16: leave compute_type out there");
                }
                return true;
            case "optim" or "optimizer":
                report.Note(key, text.StartsWith("adamw", StringComparison.Ordinal)
                    ? $"{name} is not needed: AdamW with float32 moments is what is done"
                    : $"{name}: {text} has no counterpart: AdamW takes its place");
                return true;
            case "adapter" when text is "lora":
                return true;
            default:
                return false;
        }
    }

    private static void AxolotlSource(YamlNode item, YamlSequenceNode sources, Diagnostics report)
    {
        string Of(string key) => item is YamlMappingNode mapping
            ? Binder.Text(mapping.Children.FirstOrDefault(pair => Binder.Text(pair.Key) == key).Value ?? "") ?? "" : "";
        if (Of("path") is not { Length: > 0 } path)
        {
            report.Note(item, "left out: a data set without a path");
            return;
        }
        var form = Of("type").Split('.', ':')[0];
        var kind =
            form switch { "alpaca" or "" or "alpaca_chat" => "alpaca", "sharegpt" or "chat_template" or "chatml" => "chat", _ => null };
        if (kind is null)
        {
            report.Note(item, $"left out: {path}: its type {Of("type")} has no counterpart. Make alpaca records or conversations of it");
            return;
        }
        sources.Add(Source(kind, LocalPath(Of("data_files") is { Length: > 0 } file ? file : path, item, report)));
    }

    private static void NamedSource(string name, YamlNode place, YamlMappingNode root, YamlSequenceNode sources, Diagnostics report,
        DatasetInfo? datasets)
    {
        string? Root(string key) => Binder.Text(root.Children.FirstOrDefault(pair => Binder.Text(pair.Key) == key).Value ?? "");
        var folder = Root("dataset_dir") is { Length: > 0 } given && !Path.IsPathRooted(given) ? given : "data";
        var info = datasets?.Find(name);
        var path = $"{folder}/{info?.File ?? name + ".json"}";
        if (info is null)
        {
            report.Note(place,
                $"dataset {name} understood as the alpaca records of {path}: dataset_info.json, which says it, is not beside this file");
        }
        var source = Source(info?.IsChat == true ? "chat" : "alpaca", path);
        var settings = (YamlMappingNode)source.Children.Single().Value;
        if (info is { IsChat: false, Columns: { Count: > 0 } columns })
        {
            settings.Add("columns", new YamlMappingNode(
                columns.SelectMany(pair => new YamlNode[] { ConvertedPipeline.Word(pair.Key), ConvertedPipeline.Word(pair.Value) })));
        }
        if (Root("max_samples") is { Length: > 0 } most)
        {
            settings.Add("sample", most);
        }
        sources.Add(source);
    }

    private static YamlMappingNode Source(string kind, string path) => new() { { kind, new YamlMappingNode { { "path", path } } } };

    /// <summary>A file stays where it is said to be; a data set of the Hub has to be fetched.</summary>
    private static string LocalPath(string path, YamlNode place, Diagnostics report)
    {
        if (AlpacaSource.IsFile(path))
        {
            return path;
        }
        var local = $"data/{NameOf(path)}.json";
        report.Note(place, $"{path} is a data set of the Hub or a folder: put its file at {local}, and write its own extension");
        return local;
    }

    /// <summary>The last part of a path or of a name on the Hub.</summary>
    private static string NameOf(string path) => Identifiers.LastPart(path) is { Length: > 0 } name ? name : "NAME";
}
