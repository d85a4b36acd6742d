using System.Collections.Concurrent;
using LoraAspire.ChatClients;
using LoraAspire.DataBuild;
using LoraAspire.Model.Data;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.DataBuild.Written;

/// <summary>Runs of data-build that share a folder and a cache, with a key in the environment.</summary>
internal sealed class WriterRun : IProgress<StageProgress>, IDisposable
{
    public const string Key = "sk-scripted-0123456789abcdef";

    private static readonly HfTokenizer Pebble = HfTokenizer.Load(Path.Combine(GoldenFolder.RepoRoot, "models", "pebble-init"));

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-").FullName;
    private int _runs;

    public WriterRun()
    {
        Environment.SetEnvironmentVariable(KeyVariable, Key);
        System.IO.File.WriteAllText(Path.Combine(_folder, "p.tsv"), "你好\thello\n再见\tbye\n谢谢\tthanks\n");
        System.IO.File.WriteAllText(Path.Combine(_folder, "t.txt"), "From [src_lang] to [tgt_lang]: [input]\n");
    }

    public string KeyVariable { get; } = $"LORA_TEST_KEY_{Guid.NewGuid():N}";

    public ConcurrentQueue<string> Said { get; } = [];

    public ImmediateClock Clock { get; init; } = new();

    public TimeSpan Answer { get; init; } = TimeSpan.FromSeconds(30);

    public string Cache => Path.Combine(_folder, "cache");

    public IEnumerable<string> CacheFiles =>
        Directory.Exists(Cache) ? Directory.EnumerateFiles(Cache, "*.json", SearchOption.AllDirectories) : [];

    public WriterParams Writer(ScriptedServer server, int maxRequests = 40) =>
        new()
        {
            Provider = ChatProvider.OpenAi,
            Model = "scripted",
            Address = server.Address,
            ApiKeyEnv = KeyVariable,
            MaxRequests = maxRequests
        };

    /// <summary>Three pairs, one given template, and as many more as are asked for.</summary>
    public static DataBuildParams Pairs(WriterParams writer, int written) =>
        StageRun.With(new ParallelSource
        {
            Path = "p.tsv",
            SrcLang = "Chinese",
            TgtLang = "English",
            Templates = ["t.txt"],
            Written = written
        }) with
        { Writer = writer, CutoffLen = 512 };

    public static DataBuildParams Self(WriterParams writer, int written) =>
        StageRun.With(new SelfCognitionSource { Name = "Yanqi", Developer = "the lab", Written = written }) with
        {
            Writer = writer,
            CutoffLen = 512
        };

    /// <summary>Two rows of a table, one given template, and as many more as are asked for.</summary>
    public DataBuildParams Table(WriterParams writer, int written)
    {
        System.IO.File.WriteAllText(Path.Combine(_folder, "r.csv"), "text,label\nwonderful,good\nterrible,bad\n");
        return StageRun.With(new TableSource
        {
            Path = "r.csv",
            Templates = ["Good or bad? [text]"],
            Output = "[label]",
            Written = written
        }) with
        { Writer = writer };
    }

    /// <summary>The folder of the data set.</summary>
    public async Task<string> RunAsync(DataBuildParams with, CancellationToken? cancellationToken = null, string baseModel = "pebble-init")
    {
        var scratch = Path.Combine(_folder, $"run{Interlocked.Increment(ref _runs)}");
        StageContext<DataBuildParams> context = new(with,
            new Dictionary<string, string> { ["base"] = Path.Combine(GoldenFolder.RepoRoot, "models", baseModel) },
            new DataRoot(_folder), scratch, Path.Combine(scratch, "checkpoints"), this)
        { CacheDir = Cache };
        ChatModels models = new() { Timing = new() { Clock = Clock, Answer = Answer } };
        await new DataBuildStage(models).RunAsync(context, cancellationToken ?? TestContext.Current.CancellationToken);
        return Path.Combine(scratch, "out", "dataset");
    }

    public async Task<StageException> FailureAsync(DataBuildParams with) => await Assert.ThrowsAsync<StageException>(() => RunAsync(with));

    public static List<string> Texts(string dataset)
    {
        using var rows = InstructionDataset.Open(dataset);
        return [.. Enumerable.Range(0, rows.Count).Select(row => Pebble.Decode(rows.InputIds(row)))];
    }

    /// <summary>Neither in what was said, nor in the failure with all that it holds, nor in any file.</summary>
    public void AssertNoSecret(Exception? failure, params string[] secrets)
    {
        var files = Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories)
            .Select(file => System.Text.Encoding.Latin1.GetString(System.IO.File.ReadAllBytes(file)));
        foreach (var text in Said.Append(failure?.ToString() ?? "").Concat(files))
        {
            Assert.All(secrets, secret => Assert.DoesNotContain(secret, text));
        }
    }

    void IProgress<StageProgress>.Report(StageProgress value) => Said.Enqueue(value.Message ?? "");

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(KeyVariable, null);
        Directory.Delete(_folder, recursive: true);
    }
}
