using System.Globalization;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Tests.DataBuild;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Trainer;

namespace LoraAspire.Tests.Architecture;

/// <summary>
/// Thai years are 543 more, German numbers have commas, Persian minus signs are another character: nothing that is read or written may
/// differ by that.
/// </summary>
[Collection(TorchRandom.Name)]
public sealed class CultureTests : IDisposable
{
    private readonly CultureInfo _before = CultureInfo.CurrentCulture;

    public static TheoryData<string> Cultures => ["th-TH", "de-DE", "fa-IR", "tr-TR"];

    public void Dispose() => CultureInfo.CurrentCulture = _before;

    [Theory, MemberData(nameof(Cultures))]
    public void Pipelines_keys_and_messages_are_the_same(string culture)
    {
        var expected = Said();
        CultureInfo.CurrentCulture = new CultureInfo(culture);
        Assert.NotEqual("1.5", $"{1.5}{(culture is "th-TH" ? DateTime.UtcNow.ToString("yyyy", CultureInfo.CurrentCulture) : "")}");

        Assert.Equal(expected, Said());
    }

    [Theory, MemberData(nameof(Cultures))]
    public async Task A_data_set_has_the_same_bytes(string culture)
    {
        var expected = await BuiltAsync();
        CultureInfo.CurrentCulture = new CultureInfo(culture);

        Assert.Equal(expected, await BuiltAsync());
    }

    [Theory, MemberData(nameof(Cultures))]
    public void An_adapter_and_its_card_have_the_same_bytes(string culture)
    {
        var expected = Trained();
        CultureInfo.CurrentCulture = new CultureInfo(culture);

        Assert.Equal(expected, Trained());
    }

    private static List<string> Said()
    {
        const string with = "{ learning_rate: 1.5e-4, lora_alpha: 0.5, weight_decay: .25, seed: -7, neftune_noise_alpha: 5.0 }";
        var at = new DateTimeOffset(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
        List<string> said =
        [
            StageKey.Canonical(StageKey.Identity(StageKinds.Trainer, PipelineParser.ParseParams(with, "w.yaml", StageKinds.Trainer),
                new Dictionary<string, string>(), new Dictionary<string, string>())),
            .. MessageFormat.Encode<RunEvent>(new StageFailed("r", at, "tune", 3, FailureCause.Timeout, "e"))
                .Select(field => $"{field.Key}={field.Value}"),
            ProgressText.Of(
                new("step", 1200, 5000, TokensPerSecond: 12345.6, EtaSeconds: 200_000) { Training = new(1.25, LearningRate: 1e-4) }),
        ];
        foreach (var yaml in new[] { "name: x\nstages: [ { id: a, uses: chat, inputs: { model: model:m }, timeout: 1.5h, retries: 2 } ]\n",
            "name: x\nstages: [ { id: a, uses: trainer, with: { learning_rate: \"1,5\", adam_beta1: 1.5, lora_dropout: 1,5 }, timeout: "
                + "1,5h } ]\n" })
        {
            var parsed = PipelineParser.Parse(yaml, "p.yaml");
            said.Add(
                $"{parsed.Pipeline?.Stages[0].Timeout?.Ticks.ToString(CultureInfo.InvariantCulture)} {string.Join('\n', parsed.Errors)}");
        }
        return said;
    }

    private static async Task<Dictionary<string, string>> BuiltAsync()
    {
        var with = StageRun.With(
            new AlpacaSource { Path = "a.csv", Share = 0.25, Repeat = 20 }, new SelfCognitionSource
            {
                Name = "Pebble",
                Developer =
                "the lab",
                Sample = 60
            }, new ParallelSource { Path = "p.tsv", SrcLang = "en", TgtLang = "de", MaxLengthRatio = 2.5 });
        var run = await new StageRun().File("a.csv", "instruction,output\nHow much is 1.5 + 2?,3.5\nWho?,Pebble.\nIt?,IS\n")
            .File("p.tsv", "Good morning.\tGuten Morgen.\nI.\tIch bin ein sehr langer Satz.\n").RunAsync(with);
        return Files(run.Dataset);
    }

    private static Dictionary<string, string> Trained()
    {
        using var stage = new TrainerStageRun();
        stage.Run(new() { BatchSize = 8, NumEpochs = 1, ValSetSize = 6, WarmupSteps = 0, LoraR = 2, EvalSteps = 2, LearningRate = 1.5e-3 },
            "here");
        return Files(stage.Adapter("here"));
    }

    private static Dictionary<string, string> Files(string folder) =>
        Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
            .ToDictionary(file => Path.GetRelativePath(folder, file), file => Convert.ToBase64String(File.ReadAllBytes(file)));
}
