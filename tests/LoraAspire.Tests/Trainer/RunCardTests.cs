using System.Security.Cryptography;
using System.Xml.Linq;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Trainer;

[Collection(Goldens.TorchRandom.Name)]
public sealed class RunCardTests(ITestOutputHelper output)
{
    private static readonly TrainerParams Settings =
        new() { BatchSize = 8, NumEpochs = 2, ValSetSize = 6, WarmupSteps = 0, LoraR = 2, EvalSteps = 5, LearningRate = 1e-3 };

    [Fact]
    public void The_adapter_comes_with_a_card_of_what_it_is_and_how_it_was_made()
    {
        using var stage = new TrainerStageRun();
        stage.Run(Settings, "carded");
        var folder = stage.Adapter("carded");

        var card = File.ReadAllText(Path.Combine(folder, "README.md"));

        output.WriteLine(card);
        var steps = MetricsLog.Read(Path.Combine(folder, MetricsLog.FileName));
        var best = steps.Where(step => step.EvalLoss is not null).MinBy(step => step.EvalLoss)!;
        Assert.Contains($"# LoRA adapter for pebble\n", card, StringComparison.Ordinal);
        Assert.Contains("34 rows, 6 held out", card, StringComparison.Ordinal);
        Assert.Contains(FormattableString.Invariant($"| validation loss, lowest | {best.EvalLoss:0.0000} at step {best.Step} |"), card,
            StringComparison.Ordinal);
        Assert.Contains($"| input base | `{new string('b', 64)}` |", card, StringComparison.Ordinal);
        var data = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(stage.Dataset, InstructionDataset.FileName))));
        Assert.Contains($"| {InstructionDataset.FileName} | `{data}` |", card, StringComparison.Ordinal);
        Assert.Contains("\"learning_rate\": 0.001", card, StringComparison.Ordinal);
        Assert.Equal(3, card.Split("--- in the data").Length - 1);
        Assert.Equal(["README.md", "adapter_config.json", "adapter_model.safetensors", "loss.svg", "metrics.jsonl", "prompt_template.json"],
            Directory.GetFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Adapter.Load(folder).Dispose();
    }

    [Fact]
    public void The_curve_is_an_SVG_whose_line_ends_at_the_last_step()
    {
        using var stage = new TrainerStageRun();
        stage.Run(Settings, "drawn");

        var svg = XDocument.Load(Path.Combine(stage.Adapter("drawn"), "loss.svg")).Root!;

        var space = svg.Name.Namespace;
        Assert.Equal(2, svg.Elements(space + "path").Count());
        // the right edge: 860 - 16
        Assert.All(svg.Elements(space + "path"), path => Assert.Contains("L844 ", path.Attribute("d")!.Value, StringComparison.Ordinal));
        Assert.Equal(2, svg.Elements(space + "circle").Count());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_card_names_the_commit_of_the_projects_folder(bool packed)
    {
        var commit = string.Concat(Enumerable.Repeat("0a", 20));
        using var stage = new TrainerStageRun();
        var git = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(stage.Dataset)!, ".git"));
        File.WriteAllText(Path.Combine(git.FullName, "HEAD"), "ref: refs/heads/main\n");
        Directory.CreateDirectory(Path.Combine(git.FullName, "refs", "heads"));
        File.WriteAllText(Path.Combine(git.FullName, packed ? "packed-refs" : "refs/heads/main"),
            packed ? $"# pack-refs with: peeled\n{commit} refs/heads/main\n" : commit + "\n");

        stage.Run(Settings with { MaxSteps = 1 }, "committed");

        Assert.Contains($"at commit {commit}.", File.ReadAllText(Path.Combine(stage.Adapter("committed"), "README.md")),
            StringComparison.Ordinal);
    }
}
