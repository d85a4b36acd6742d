using LoraAspire.ChatClients;
using LoraAspire.Evaluator;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Adapters;
using TorchSharp;

namespace LoraAspire.Tests.Evaluator;

/// <summary>Runs of the evaluator on models whose answers are known beforehand, in a folder of their own.</summary>
internal sealed class EvaluatorRun : IDisposable
{
    private readonly DirectoryInfo _scratch = Directory.CreateTempSubdirectory("lora-evaluator-");

    public EvaluatorRun() => LibTorch.Load();

    public string Folder => _scratch.FullName;

    public List<StageProgress> Reports { get; } = [];

    public IEnumerable<string> Said => Reports.Select(report => report.Message ?? "");

    public int MaxNewTokens { get; set; } = 16;

    public Device Device { get; set; } = Device.Cpu;

    public void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(Folder, name))!);
        File.WriteAllText(Path.Combine(Folder, name), text);
    }

    public string Model(string name, string answer, string template = "{instruction}!")
    {
        var folder = Bare(name, answer);
        SpeakingModel.SaveTemplate(folder, template);
        return folder;
    }

    /// <summary>A model without a template.</summary>
    /// <param name="after">What its answer follows.</param>
    public string Bare(string name, string answer, string after = "!")
    {
        var folder = _scratch.CreateSubdirectory(name).FullName;
        SpeakingModel.Save(folder, after, answer);
        return folder;
    }

    /// <summary>An adapter of that base which leaves its answers as they are, or takes them away.</summary>
    public string Adapter(string name, string baseFolder, bool silences = false)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Folder, name)).FullName;
        LoraConfig config = new(2, 4, 0, ["down_proj"]);
        using var model = LlamaModel.Load(baseFolder, torch.CPU, torch.float32);
        model.AttachFresh(config, seed: 1);
        using var adapter = model.Detached(config);
        adapter.Save(folder);
        SpeakingModel.SaveTemplate(folder, silences ? "{instruction}?" : "{instruction}!");
        return folder;
    }

    public async Task<AnswersReport> ReportAsync(EvaluatorParams with, params (string Input, string Folder)[] inputs) =>
        AnswersReport.Load(await RunAsync(with, inputs));

    /// <returns>The folder of the report.</returns>
    public Task<string> RunAsync(EvaluatorParams with, params (string Input, string Folder)[] inputs) =>
        RunAsync(with, null, null, inputs);

    /// <returns>The folder of the report.</returns>
    public async Task<string> RunAsync(EvaluatorParams with, ChatModels? chats, ILogger<EvaluateStage>? log,
        params (string Input, string Folder)[] inputs)
    {
        var scratch = _scratch.CreateSubdirectory(Guid.NewGuid().ToString("N")).FullName;
        StageContext<EvaluatorParams> context = new(with with { Device = Device, MaxNewTokens = MaxNewTokens },
            inputs.ToDictionary(input => input.Input, input => input.Folder), new DataRoot(Folder), scratch, scratch,
            new ProgressSink(Told))
        { CacheDir = Path.Combine(Folder, "cache") };
        await new EvaluateStage(log, chats).RunAsync(context, TestContext.Current.CancellationToken);
        return context.OutputDir("report");
    }

    public async Task<StageException> FailureAsync(EvaluatorParams with, params (string Input, string Folder)[] inputs) =>
        await Assert.ThrowsAsync<StageException>(() => RunAsync(with, inputs));

    public void Dispose() => _scratch.Delete(recursive: true);

    private void Told(StageProgress report)
    {
        lock (Reports)
        {
            Reports.Add(report);
        }
    }
}
