using System.CommandLine;
using LoraAspire.Cli.AlpacaLora;
using LoraAspire.Cli.RunCommands;
using LoraAspire.Pipelines;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Cli;

/// <summary>Questions to a model of the models folder, or to what a run made: a pipeline, which is kept as a file and run.</summary>
internal static class EvaluateCommand
{
    /// <summary>A pipeline takes less than this.</summary>
    private const int LongestFile = 512 << 10;

    public static Command Create()
    {
        Argument<string> model = new("model") { Description = $"A model of the models folder, or a run that made one: {NamedRun.Form}" };
        Option<FileInfo?> questions = new("--questions") { Description = "Text file with a question a line" };
        Option<string[]> asked = new("--ask") { Description = "A question; may be given several times" };
        Option<string?> heldOut = new("--held-out") { Description = "Records with right answers: .json or .jsonl under the data root" };
        Option<string?> identity = new("--identity") { Description = "The name that the model is to say that it has" };
        Option<string?> beside = new("--base") { Description = "A model of the models folder that is asked the same (a run's own base)" };
        Option<string?> file = new("--yaml") { Description = "File that takes the pipeline (default: pipelines/evaluate-NAME.yaml)" };
        Option<bool> force = new("--force") { Description = "Write over another file of that name" };
        Option<bool> dry = new("--dry-run") { Description = "Print the pipeline, write and run nothing" };
        var follow = RunCommand.Follow();
        var json = JsonScreen.Option();
        Command command = new("evaluate",
            "Ask a model questions and score its answers: writes the pipeline that does it, and runs it. What a run made is taken from the "
                + "cache.") { model, questions, asked, heldOut, identity, beside, file, force, dry, follow, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var folders = App.Folders;
            Evaluation wanted = new(
                [.. parsed.GetValue(asked) ?? [], .. await QuestionsAsync(parsed.GetValue(questions), cancellationToken)],
                parsed.GetValue(heldOut) is { } records ? FoundData.Path(records, folders) : null, parsed.GetValue(identity),
                parsed.GetValue(beside) is { } given ? FoundBase.Name(given, folders) : null);
            if (wanted.IsEmpty)
            {
                throw new CliException("Nothing is asked: give --questions, --ask, --held-out or --identity.", ExitCode.Usage);
            }
            var target = parsed.GetValue(file);
            var named = parsed.GetRequiredValue(model);
            var (name, yaml) = await PipelineAsync(named, PipelineTarget.NameOf(target), wanted, folders);
            return await PipelineTarget.RunAsync(yaml, target ?? PipelineTarget.Usual(name), parsed.GetValue(force),
                parsed.GetValue(dry), parsed.GetValue(follow), parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    /// <summary>A folder of the models root goes before a run of that name.</summary>
    private static async Task<(string Name, string Yaml)> PipelineAsync(string given, string? name, Evaluation wanted, LoraPaths folders)
    {
        if (Directory.Exists(given) || (Identifiers.IsModel(given) && Directory.Exists(Path.Combine(folders.Models, given))))
        {
            var model = FoundBase.Name(given, folders);
            return Named(name ?? $"evaluate-{model}", called => wanted.OfModel(called, model));
        }
        var run = await NamedRun.InsteadAsync(given, $"no folder under the models root {folders.Models}");
        return Named(name ?? $"evaluate-{run.Name}", called => wanted.OfRun(called, run, new ArtifactStore(folders.Store).Holds));
    }

    private static (string Name, string Yaml) Named(string name, Func<string, string> yaml)
    {
        const int longest = 64;
        var called = name.Length > longest ? name[..longest] : name;
        return (called, yaml(called));
    }

    /// <exception cref="CliException">It is a folder, or too long.</exception>
    private static async Task<IEnumerable<string>> QuestionsAsync(FileInfo? file, CancellationToken cancellationToken)
    {
        if (file is null)
        {
            return [];
        }
        if (Directory.Exists(file.FullName))
        {
            throw new CliException($"{file.FullName} is a folder: name a text file with a question a line.", ExitCode.Usage);
        }
        await using var stream = file.OpenRead();
        var bytes = new byte[LongestFile + 1];
        var length = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        using StreamReader text = new(new MemoryStream(bytes, 0, length)); // which takes a byte order mark away
        return length <= LongestFile
            ? (await text.ReadToEndAsync(cancellationToken)).Split('\n', StringSplitOptions.TrimEntries).Where(line => line != "")
            : throw new CliException($"{file.FullName} is longer than {LongestFile >> 10} KiB, which a pipeline can't hold: put the "
                + "questions into a file of records under the data root, and name it by --held-out.");
    }
}
