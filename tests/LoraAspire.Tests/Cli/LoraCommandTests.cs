using System.CommandLine;
using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.Cli;
using LoraAspire.Machine.Gpu;
using LoraAspire.Model.Data;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Store;
using LoraAspire.Tests.Terminal;

namespace LoraAspire.Tests.Cli;

/// <summary>The commands of <c>lora</c> where no app runs.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class LoraCommandTests : IDisposable
{
    private const string Wrong = """
        name: one
        stages:
          - { id: tune, uses: trainer, with: { lora_r: 0 } }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-command-").FullName;
    private readonly CapturedTerminal _terminal = new();

    public LoraCommandTests()
    {
        _terminal.Set("LORA_STATE", _folder);
        _terminal.Set("LORA_DATA", _folder);
        foreach (var name in (string[])["LORA_STORE", "LORA_MODELS", "ConnectionStrings__redis"])
        {
            _terminal.Set(name, null);
        }
    }

    public void Dispose()
    {
        _terminal.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("run p.yaml")]
    [InlineData("run p.yaml -f")]
    [InlineData("check a.yaml b.yaml")]
    [InlineData("runs")]
    [InlineData("runs --all")]
    [InlineData("runs --json")]
    [InlineData("runs -q -n 5 --state failed")]
    [InlineData("show latest --json")]
    [InlineData("explain latest tune --json")]
    [InlineData("compare a b c --json")]
    [InlineData("retry latest -f")]
    [InlineData("rm a b")]
    [InlineData("open latest --print")]
    [InlineData("ps --json")]
    [InlineData("models --json")]
    [InlineData("finetune --base_model m --data_path=d --yaml p.yaml --force --dry-run -f")]
    [InlineData("merge --base_model m --lora_weights l --output_dir o --dry-run")]
    [InlineData("generate --base_model m --name n --dry-run")]
    [InlineData("logs 20260102-030405-ab12 --follow")]
    [InlineData("cancel 20260102-030405-ab12")]
    [InlineData("chat --once hi --model m --url http://localhost:1")]
    [InlineData("data inspect x --stage data --random 2 --seed 3 --find who --source s --limit 1 --tokens --json")]
    [InlineData("data inspect x --row 3")]
    [InlineData("data stats x --stage data --json")]
    [InlineData("doctor --base m --json")]
    [InlineData("schema")]
    [InlineData("completion zsh")]
    [InlineData("init --data d --base m --name n --force")]
    [InlineData("evaluate latest --questions q.txt --ask a --held-out h --identity n --base b --yaml y --force --dry-run -f")]
    [InlineData("mcp --allow-submit")]
    [InlineData("check a.yaml --json")]
    [InlineData("gpu --json")]
    [InlineData("fit --base m --gpu-memory 24GiB --lora-r 8 --lora-target-modules q_proj v_proj --no-double-quant --json")]
    [InlineData("gc --days 3 --delete --offline --json")]
    [InlineData("export m --adapter a --out o --type q4_0 --format hugging-face --name n --system s --from f --zip")]
    public void What_the_help_tells_can_be_said(string line) => Assert.Empty(LoraCommand.Create().Parse(line).Errors);

    [Fact]
    public void Every_command_can_print_JSON_but_those_whose_output_is_for_programs_anyway()
    {
        Assert.Equal(["schema", "completion", "mcp"], Leaves(LoraCommand.Create())
            .Where(command => command.Options.All(option => option.Name != "--json")).Select(command => command.Name));

        static IEnumerable<Command> Leaves(Command command) =>
            command.Subcommands.Count == 0 ? [command] : command.Subcommands.SelectMany(Leaves);
    }

    [Fact]
    public void The_book_names_every_exit_code()
    {
        var book = File.ReadAllText(Path.Combine(LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!, "docs", "cli.md"));
        Assert.Equal(Enum.GetValues<ExitCode>().Select(code => (int)code),
            Regex.Matches(book, @"^\| (\d+) \| ", RegexOptions.Multiline).Select(row => int.Parse(row.Groups[1].Value)));
    }

    [Theory]
    [InlineData("run")]
    [InlineData("run a.yaml b.yaml")]
    [InlineData("check")]
    [InlineData("runs all")]
    [InlineData("runs --state lost")]
    [InlineData("compare a")]
    [InlineData("rm")]
    [InlineData("logs")]
    [InlineData("cancel")]
    [InlineData("chat --url localhost")]
    [InlineData("data")]
    [InlineData("data inspect")]
    [InlineData("data inspect x --row one")]
    [InlineData("data stats")]
    [InlineData("gpu 0")]
    [InlineData("fit")]
    [InlineData("gc --days -1")]
    [InlineData("gc --days 36501")]
    public void What_makes_no_sense_is_an_error(string line) => Assert.NotEmpty(LoraCommand.Create().Parse(line).Errors);

    [Theory]
    [InlineData("run", "p.yaml")]
    [InlineData("runs")]
    [InlineData("logs", "20260102-030405-ab12")]
    [InlineData("cancel", "20260102-030405-ab12")]
    [InlineData("chat", "--once", "hi")]
    [InlineData("gc")]
    [InlineData("data", "stats", "20260102-030405-ab12")]
    [InlineData("show", "latest")]
    [InlineData("explain", "latest")]
    [InlineData("compare", "a", "b")]
    [InlineData("retry", "latest")]
    [InlineData("rm", "latest")]
    [InlineData("open")]
    [InlineData("ps")]
    [InlineData("export", "nobody", "--out", "none")]
    [InlineData("evaluate", "nobody", "--ask", "x")]
    public async Task Without_an_app_a_command_that_needs_one_says_how_to_start_it(params string[] arguments)
    {
        Assert.Equal(4, await LoraCommand.RunAsync(arguments));

        Assert.Contains("Start it with `dotnet run --project LoraAspire.AppHost`", _terminal.Error, StringComparison.Ordinal);
        Assert.Equal("", _terminal.Out);
    }

    [Fact]
    public async Task A_command_line_without_sense_ends_with_the_code_for_it() =>
        Assert.Equal((2, 3), (await LoraCommand.RunAsync(["runs", "--no-such"]), await LoraCommand.RunAsync(["check", "none.yaml"])));

    [Fact]
    public async Task Models_of_an_empty_installation_are_none_without_an_app()
    {
        Assert.Equal(0, await LoraCommand.RunAsync(["models", "--json"]));
        Assert.Equal("[]", _terminal.Out.Trim());
    }

    [Fact]
    public async Task Models_are_the_links_and_every_name_that_is_served()
    {
        var (tuned, other) = (Path.Combine(_folder, "store", "objects", "tuned"), Path.Combine(_folder, "store", "objects", "other"));
        Directory.CreateDirectory(Path.Combine(_folder, "models"));
        foreach (var (name, folder) in new[] { ("quickstart", tuned), ("kept", other) })
        {
            Directory.CreateDirectory(folder);
            Directory.CreateSymbolicLink(Path.Combine(_folder, "models", name), folder);
        }
        Deployments deployments = new(Path.Combine(_folder, "store"));
        deployments.Deploy("quickstart", tuned);
        deployments.Deploy("second-name", tuned);

        Assert.Equal(0, await LoraCommand.RunAsync(["models", "--json"]));

        var models = JsonDocument.Parse(_terminal.Out).RootElement.EnumerateArray()
            .Select(model => (model.GetProperty("name").GetString(), model.GetProperty("where").GetString(),
                model.GetProperty("served").GetBoolean()));
        Assert.Equal([("kept", other, false), ("quickstart", tuned, true), ("second-name", tuned, true)],
            models.OrderBy(model => model.Item1, StringComparer.Ordinal));
    }

    [Fact]
    public async Task Check_tells_each_error_with_its_place_and_what_is_sound()
    {
        var wrong = Path.Combine(_folder, "wrong.yaml");
        await File.WriteAllTextAsync(wrong, Wrong, TestContext.Current.CancellationToken);
        var sound = Path.Combine(LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!, "pipelines", "quickstart.yaml");
        _terminal.Set("LORA_DATA", null);

        Assert.Equal(5, await LoraCommand.RunAsync(["check", wrong, sound]));

        Assert.Contains($"{wrong}:3:48: error: 'lora_r' must be at least 1", _terminal.Error, StringComparison.Ordinal);
        Assert.Contains($"{wrong}:3:11: error: input 'dataset' is missing", _terminal.Error, StringComparison.Ordinal);
        Assert.Contains($"{wrong}: 3 errors", _terminal.Out, StringComparison.Ordinal);
        Assert.Contains($"{sound}: ok: quickstart, ", _terminal.Out, StringComparison.Ordinal);

        var before = _terminal.Out.Length;
        Assert.Equal(5, await LoraCommand.RunAsync(["check", wrong, "--json"]));
        var told = Assert.Single(JsonDocument.Parse(_terminal.Out[before..]).RootElement.EnumerateArray());
        Assert.Equal(3, told.GetProperty("errors").GetArrayLength());
    }

    [Fact]
    public async Task Gc_of_an_empty_store_finds_nothing()
    {
        Assert.Equal(0, await LoraCommand.RunAsync(["gc", "--offline"]));

        Assert.Contains($"{Path.Combine(_folder, "store")}: 0 artifacts", _terminal.Out, StringComparison.Ordinal);
        Assert.Contains("Nothing else has aged.", _terminal.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_of_a_folder_without_a_data_set_names_the_file_that_is_missing()
    {
        Assert.Equal(3, await LoraCommand.RunAsync(["data", "inspect", _folder]));

        Assert.StartsWith($"No {InstructionDataset.FileName} in {_folder}.", _terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gpu_lists_the_cards_or_says_why_there_are_none()
    {
        var gpus = Gpus.Open(out var why);

        Assert.Equal(gpus is null ? 8 : 0, await LoraCommand.RunAsync(["gpu"]));
        Assert.Contains(gpus is null ? why : "[0]", gpus is null ? _terminal.Error : _terminal.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chat_with_a_server_that_is_not_there_names_its_address()
    {
        Assert.Equal(7, await LoraCommand.RunAsync(["chat", "--once", "hi", "--url", "http://127.0.0.1:9"]));

        Assert.StartsWith("The chat service at http://127.0.0.1:9 did not answer", _terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_writes_a_new_folder_whole_and_no_other()
    {
        var model = Path.Combine(LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!, "models", "pebble");
        var output = Path.Combine(_folder, "out");

        Assert.Equal(0, await LoraCommand.RunAsync(["export", model, "--type", "q8_0", "--out", output, "--zip"]));
        Assert.Equal(["model.zip"], Directory.GetFileSystemEntries(output).Select(Path.GetFileName));
        Assert.Contains("model-Q8_0.gguf", _terminal.Out, StringComparison.Ordinal);
        var before = _terminal.Out.Length;
        Assert.Equal(0, await LoraCommand.RunAsync(["export", model, "--type", "q8_0", "--out", output + "2", "--zip", "--json"]));
        using var told = JsonDocument.Parse(_terminal.Out[before..]);
        Assert.Equal("model-Q8_0.gguf", told.RootElement.GetProperty("files")[0].GetProperty("name").GetString());

        Assert.Equal(6, await LoraCommand.RunAsync(["export", model, "--out", output]));
        Assert.Contains("is not empty", _terminal.Error, StringComparison.Ordinal);
        Assert.Equal(5, await LoraCommand.RunAsync(["export", _folder, "--out", Path.Combine(_folder, "none")]));
        Assert.False(Directory.Exists(Path.Combine(_folder, "none")));
    }

    [Fact]
    public async Task Export_takes_over_no_folder_beside_that_holds_something()
    {
        var model = Path.Combine(LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!, "models", "pebble");
        var output = Path.Combine(_folder, "mine");
        var kept = Path.Combine(Directory.CreateDirectory(output + ".part").FullName, "thesis.txt");
        File.WriteAllText(kept, "years");

        Assert.Equal(6, await LoraCommand.RunAsync(["export", model, "--out", output]));

        Assert.Contains($"{output}.part is not empty", _terminal.Error, StringComparison.Ordinal);
        Assert.Equal("years", File.ReadAllText(kept));
        Assert.Equal([output + ".part"], Directory.GetDirectories(_folder));

        File.Delete(kept);
        Assert.Equal(0, await LoraCommand.RunAsync(["export", model, "--out", output]));
        Assert.Equal([output], Directory.GetDirectories(_folder));
    }

    [Theory]
    [InlineData("--system", "system: ")]
    [InlineData("--from", "from: ")]
    public async Task Export_for_Hugging_Face_refuses_what_only_a_Modelfile_holds(string option, string words)
    {
        var model = Path.Combine(LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!, "models", "pebble");
        var output = Path.Combine(_folder, "out");

        Assert.Equal(5, await LoraCommand.RunAsync(["export", model, "--format", "hugging-face", option, "x", "--out", output]));

        Assert.Contains(words, _terminal.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(output));
    }
}
