using LoraAspire.DataBuild;
using LoraAspire.Model.Data;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.DataBuild;

/// <summary>One run of data-build in a folder of its own, with the tiny base's tokenizer.</summary>
internal sealed class StageRun
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-").FullName;

    /// <summary>The base's folder.</summary>
    public string Base { get; init; } = Path.Combine(GoldenFolder.RepoRoot, "models", "pebble-init");

    public string Data { get; init; } = "";

    public List<string> Log { get; } = [];

    public string Dataset => Path.Combine(_folder, "scratch", "out", "dataset");

    public DatasetFacts Facts => DatasetFacts.Read(Dataset);

    /// <summary>The stretches of a row in order: what it says, and whether that is learned. Special tokens left out.</summary>
    public List<(string Text, bool Learned)> Row(int at)
    {
        using var rows = InstructionDataset.Open(Dataset);
        var tokenizer = HfTokenizer.Load(Path.Combine(Dataset, InstructionDataset.TokenizerFolder));
        return [.. RowInspection.Of(rows, tokenizer, at).Segments.Select(segment =>
            (string.Concat(segment.Parts.Where(part => !part.IsSpecial).Select(part => part.Text)).Trim(), segment.CarriesLoss))
            .Where(segment => segment.Item1.Length > 0)];
    }

    /// <summary>The answers of a row, in order.</summary>
    public string Learned(int row) => string.Join('|', Row(row).Where(segment => segment.Learned).Select(segment => segment.Text));

    /// <summary>A data file of a case under cases/reports; skips the test, in words, when it is not there.</summary>
    public StageRun ReportFile(string place) =>
        File(Path.GetFileName(place), System.IO.File.ReadAllBytes(GoldenFolder.Require(GoldenFolder.SharedCases, $"reports/{place}")));

    public StageRun File(string name, string text) => File(name, System.Text.Encoding.UTF8.GetBytes(text));

    public StageRun File(string name, byte[] bytes)
    {
        System.IO.File.WriteAllBytes(Path.Combine(_folder, name), bytes);
        return this;
    }

    public async Task<StageRun> RunAsync(DataBuildParams with)
    {
        StageContext<DataBuildParams> context = new(with,
            new Dictionary<string, string> { ["base"] = Base },
            new DataRoot(Data.Length > 0 ? Data : _folder), Path.Combine(_folder, "scratch"), Path.Combine(_folder, "checkpoints"),
            new Told(Log));
        await new DataBuildStage().RunAsync(context, TestContext.Current.CancellationToken);
        return this;
    }

    private sealed class Told(List<string> log) : IProgress<StageProgress>
    {
        public void Report(StageProgress value) => log.Add(value.Message ?? "");
    }

    public async Task<string> FailureAsync(DataBuildParams with) =>
        (await Assert.ThrowsAsync<StageException>(() => RunAsync(with))).Message;

    /// <summary>Plain template, only the answer learned.</summary>
    public static DataBuildParams With(params DataSource[] sources) =>
        new() { Sources = sources, PromptTemplateName = "plain", TrainOnInputs = false };

    public static DataSource Alpaca(string path, int? sample = null, int repeat = 1) =>
        new AlpacaSource { Path = path, Sample = sample, Repeat = repeat };
}
