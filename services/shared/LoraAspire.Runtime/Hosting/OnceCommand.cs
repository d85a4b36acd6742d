using System.CommandLine;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Terminal;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Runtime.Hosting;

/// <summary>The command line of a worker: <c>once</c> runs one stage without Redis, <c>check</c> looks at one before its run.</summary>
internal abstract class OnceCommand
{
    private static readonly string[] Words = ["once", "check", "--help", "-h", "-?", "--version"];

    public static bool IsAskedFor(IEnumerable<string> args) => args.Any(Words.Contains);

    public abstract Task<int> InvokeAsync(string[] args);
}

internal sealed class OnceCommand<TParams>(IStage<TParams> stage, StageKind kind, LoraPaths paths, StageLibraries libraries)
    : OnceCommand where TParams : StageParams
{
    private readonly Option<FileInfo> _with =
        new("--with") { Description = "YAML file with the stage's parameters (what stands under `with` in a pipeline)" };
    private readonly Option<string[]> _inputs =
        new("--input")
        {
            Description = "NAME=DIR, once for each input: "
                + string.Join(", ", kind.Inputs.Select(port => port.Many ? port.Name + ".x" : port.Name)),
        };
    private readonly Option<DirectoryInfo> _out =
        new("--out") { Description = "Folder that takes the outputs, one folder each; must be new or empty", Required = true };
    private readonly Option<DirectoryInfo> _data =
        new("--data") { Description = "Folder that data paths are relative to (default: LORA_DATA, else the repository)" };

    public override async Task<int> InvokeAsync(string[] args)
    {
        TerminalText.GuardConsole();
        var once = new Command("once", $"Run {kind.Name} once, without Redis.") { _with, _inputs, _out, _data };
        once.SetAction(RunAsync);
        Argument<string> file = new("file"), id = new("stage");
        Option<long?> records = new("--records") { Description = "Of the data set that an earlier stage will make, at most" };
        var check =
            new Command("check", "Look at what would keep a stage of the pipeline on the standard input from its start; `lora check` asks.")
        {
            file, id, records,
        };
        check.SetAction((parsed, cancellationToken) => CheckOfStage.RunAsync(stage, kind, paths, libraries,
            parsed.GetRequiredValue(file), parsed.GetRequiredValue(id), parsed.GetValue(records), cancellationToken));
        var root = new RootCommand(
            $"LoraAspire's {kind.Name} worker: {kind.Title}. Without a command it takes orders from Redis "
                + "(ConnectionStrings__redis).") { once, check };
        return await root.Parse(args).InvokeAsync();
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var output = parsed.GetRequiredValue(_out);
        var with = parsed.GetValue(_with);
        try
        {
            var parameters = (TParams)PipelineParser.ParseParams(with is null ? ""
                : await PipelineFile.ReadAsync(with.FullName, cancellationToken), with?.ToString() ?? "--with", kind);
            var inputs = Inputs(parsed.GetValue(_inputs) ?? []);
            if (output.Exists && output.EnumerateFileSystemInfos().Any())
            {
                throw new StageException($"{output} is not empty: name a new folder.");
            }
            var scratch = Directory.CreateDirectory(output.FullName.TrimEnd('/') + ".part").FullName;
            var checkpoints = Directory.CreateDirectory(Path.Combine(scratch, "checkpoints")).FullName;
            var data = new DataRoot(parsed.GetValue(_data)?.FullName ?? paths.Data);
            var context =
                new StageContext<TParams>(parameters, inputs, data, scratch, checkpoints, new TerminalProgress(TimeProvider.System))
                {
                    PipelineName = kind.Name,
                    CacheDir = new ArtifactStore(paths.Store).StageCache(kind),
                };
            libraries.Load();
            await stage.RunAsync(context, cancellationToken);
            if (output.Exists)
            {
                output.Delete();
            }
            Directory.Move(Directory.CreateDirectory(Path.Combine(scratch, "out")).FullName, output.FullName);
            Directory.Delete(scratch, recursive: true);
            await Console.Error.WriteLineAsync($"done: {output.FullName}");
            return 0;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync($"stopped; run the same command again to go on from the last checkpoint in {output}.part");
            return 130;
        }
        catch (Exception error) when (error is StageException or PipelineException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return 1;
        }
    }

    /// <exception cref="StageException">An input is unknown, missing, no folder, or a folder of more than files.</exception>
    private Dictionary<string, string> Inputs(string[] given)
    {
        var inputs = new Dictionary<string, string>();
        foreach (var pair in given)
        {
            var (name, folder) = pair.Split('=', 2) is [var left, var right] ? (left, right)
                : throw new StageException($"--input {pair}: write NAME=DIR");
            if (kind.Input(name) is null)
            {
                throw new StageException(
                    $"--input {pair}: {kind.Name} has no input '{name}': {Suggestion.For(name, kind.Inputs.Select(port => port.Name))}");
            }
            inputs[name] = Directory.Exists(folder) ? Path.GetFullPath(folder)
                : throw new StageException($"--input {pair}: no folder {folder}");
            // A pipe among its files could be waited on for ever.
            ModelFolder.Files(name, folder, folder);
        }
        return kind.Inputs.FirstOrDefault(port => port.Required && !inputs.ContainsKey(port.Name)) is { } missing
            ? throw new StageException($"--input {missing.Name}=DIR is missing")
            : kind.InputProblem(inputs.Keys) is { } problem ? throw new StageException($"--input: {problem}")
            : inputs;
    }
}
