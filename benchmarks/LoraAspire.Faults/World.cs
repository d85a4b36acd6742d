using System.Text.Json;
using LoraAspire.Runtime;

namespace LoraAspire.Faults;

/// <summary>The folders of the app under test, each a disk of its own, and the small pipeline that every cell runs.</summary>
internal sealed class World : IDisposable
{
    private const int Records = 20_000;

    /// <summary>Every kind of stage, a data file that takes a moment to read, and a checkpoint at each step.</summary>
    public const string Pipeline = """
        name: faults
        stages:
          - id: data
            uses: data-build
            inputs: { base: model:pebble }
            with:
              prompt_template_name: plain
              cutoff_len: 128
              train_on_inputs: false
              sources:
                - alpaca: { path: records.json, sample: 40 }
                - self_cognition: { name: Mingyu, developer: the evening class, abilities: [translation, arithmetic], sample: 40 }
            retries: 3
          - id: tune
            uses: trainer
            inputs: { dataset: data.dataset, base: model:pebble }
            with:
              num_epochs: 4
              batch_size: 8
              micro_batch_size: 8
              learning_rate: 2e-3
              warmup_steps: 2
              val_set_size: 8
              eval_steps: 4
              save_steps: 1
            retries: 3
          - id: merge
            uses: merger
            inputs: { base: model:pebble, adapter: tune.adapter }
            retries: 3
          - id: ask
            uses: evaluator
            inputs: { model: merge.model, base: model:pebble }
            with: { questions: [What is your name?, What is 12 plus 7?] }
            retries: 3
          - id: chat
            uses: chat
            inputs: { model: merge.model }
            retries: 3
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-faults-").FullName;
    private readonly byte[] _records;

    public World()
    {
        (State, Store, Data, Models) = (At("state"), At("store"), At("data"), At("models"));
        (StateDisk, StoreDisk, DataDisk) = (Disk.Create(State), Disk.Create(Store), Disk.Create(Data));
        Directory.CreateDirectory(Models);
        Directory.CreateSymbolicLink(Path.Combine(Models, "pebble"), Path.Combine(Root, "models", "pebble"));
        _records = JsonSerializer.SerializeToUtf8Bytes(Enumerable.Range(0, Records)
            .Select(i =>
                new { instruction = $"What is {i % 50} plus {(i / 50) + 1}?", input = "", output = $"{(i % 50) + (i / 50) + 1}" }));
        RestoreRecords();
    }

    public static string Root { get; } = LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!;

    public string State { get; }
    public string Store { get; }
    public string Data { get; }
    public string Models { get; }
    public Disk StateDisk { get; }
    public Disk StoreDisk { get; }
    public Disk DataDisk { get; }

    public string RecordsFile => Path.Combine(Data, "records.json");

    /// <summary>Nothing is finished: every stage has to run.</summary>
    public void ForgetResults()
    {
        foreach (var folder in (string[])["cache", "objects", "checkpoints", "quarantine"])
        {
            ForgetFolder(Path.Combine(Store, folder));
        }
    }

    public void RestoreRecords()
    {
        if (!File.Exists(RecordsFile) || !File.ReadAllBytes(RecordsFile).AsSpan().SequenceEqual(_records))
        {
            File.WriteAllBytes(RecordsFile, _records);
        }
    }

    private static void ForgetFolder(string folder)
    {
        if (Directory.Exists(folder))
        {
            foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos())
            {
                if (entry is DirectoryInfo inner)
                {
                    inner.Delete(recursive: true);
                }
                else
                {
                    entry.Delete();
                }
            }
        }
    }

    private string At(string name) => Path.Combine(_folder, name);

    public void Dispose()
    {
        // Where disks were mounted they go with the namespace; what is under them stays empty.
        foreach (var folder in (string[])[State, Store, Data])
        {
            ForgetFolder(folder);
        }
        try
        {
            Directory.Delete(_folder, recursive: true);
        }
        catch (IOException)
        {
            // Mount points can't be removed from inside.
        }
    }
}
