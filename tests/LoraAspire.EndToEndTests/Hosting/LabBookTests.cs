using System.Diagnostics;
using System.Text.RegularExpressions;
using Aspire.Hosting.Testing;
using LoraAspire.Runtime;

namespace LoraAspire.EndToEndTests.Hosting;

/// <summary>
/// docs/lab.md, command by command as it stands there, over the running app: what needs a GPU is done with the tiny model under the 7B
/// model's name, and small. That the Chinese book has the same commands, the tests of the documentation hold.
/// </summary>
[Collection(LoraAppCollection.Name)]
public sealed partial class LabBookTests(LoraApp app)
{
    /// <summary>What isn't done here, by how it begins, and why.</summary>
    private static readonly (string Begins, string Why)[] s_left =
    [
        ("git clone ", "this is a clone"),
        ("cd ", "and its folder"),
        ("dotnet run --project LoraAspire.AppHost", "the app runs; what it is told to run, run -f runs"),
        ("export LORA_LIBTORCH=", "there is no GPU"),
        ("ln -s /path/to/", "the tiny model stands for it"),
        ("curl ", "reaches out, or is asked below"),
        ("ollama pull ", "reaches out"),
    ];

    /// <summary>What asks for this machine's GPU fails where there is none, and says so.</summary>
    private static readonly (string Command, string Says)[] s_lacking =
    [
        ("./lora gpu", "GPU"),
        ("./lora fit --base bayling-2-7b --lora-target-modules q_proj k_proj v_proj o_proj", "Give --gpu-memory."),
    ];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string Folder => app.Data;

    [Fact]
    public async Task Each_command_of_the_lab_s_book_does_what_it_says()
    {
        await PrepareAsync();
        var (started, first) = await ShellAsync("./lora run -f pipelines/quickstart.yaml");
        Assert.True(started == 0, first);
        var run = (await app.Runs.ListAsync())[0].Id;
        var book = await File.ReadAllTextAsync(Path.Combine(Built.Root, "docs", "lab.md"), Cancelled);
        var count = 0;
        foreach (Match block in Block().Matches(book))
        {
            var text = block.Groups[2].Value;
            if (block.Groups[1].Value == "yaml")
            {
                await WriteAsync(text);
                continue;
            }
            foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                if (s_left.Any(left => line.StartsWith(left.Begins, StringComparison.Ordinal)))
                {
                    continue;
                }
                count++;
                var (code, said) = await ShellAsync(line.Replace("RUN", run, StringComparison.Ordinal));
                TestContext.Current.TestOutputHelper!.WriteLine($"$ {line}\n{said}");
                var lacking = s_lacking.FirstOrDefault(one => line.Split(" #")[0].TrimEnd() == one.Command).Says;
                Assert.True(lacking is null ? code == 0 : code != 0 && said.Contains(lacking, StringComparison.Ordinal),
                    $"{line}: {code}\n{said}");
            }
        }
        Assert.InRange(count, 25, 60);

        var (unknown, there) = await ShellAsync("./lora chat --model nope --once hi");
        Assert.Equal(3, unknown);
        Assert.Matches(@"No model 'nope' is served\. There are: .*quickstart", there);

        using HttpClient http = new();
        Assert.Contains("\"quickstart\"", await http.GetStringAsync(new Uri(app.App.GetEndpoint("chat", "http"), "v1/models"), Cancelled));
    }

    /// <summary>A folder as the clone's is: with <c>./lora</c> and <c>.lora</c>.</summary>
    private async Task PrepareAsync()
    {
        var redis = await app.App.GetConnectionStringAsync("redis", Cancelled) ?? "";
        await new AppAddresses(redis, $"{app.App.GetEndpoint("lab", "http")}", $"{app.App.GetEndpoint("chat", "http")}", null,
            Environment.ProcessId).WriteAsync(app.State, Cancelled);
        var lora = Path.Combine(Folder, "lora");
        await File.WriteAllTextAsync(lora,
            $"#!/bin/sh\nexec dotnet '{Built.Assembly("services/LoraAspire.Cli", "lora")}' \"$@\"\n", Cancelled);
        File.SetUnixFileMode(lora, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        Directory.CreateSymbolicLink(Path.Combine(Folder, ".lora"), app.State);
    }

    /// <summary>Small, and of the translations only what needs no other server.</summary>
    private Task WriteAsync(string yaml) => Place().Match(yaml) is { Success: true } place
        ? File.WriteAllLinesAsync(Path.Combine(Folder, place.Groups[1].Value), SmallWorld.Small(yaml.Split('\n'))
            .Split('\n').Where(line => !line.TrimStart().StartsWith("writ", StringComparison.Ordinal)), Cancelled)
        : Task.CompletedTask;

    private async Task<(int Code, string Text)> ShellAsync(string line)
    {
        ProcessStartInfo start = new("/bin/sh", ["-c", line])
        {
            WorkingDirectory = Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["LORA_STATE"] = app.State,
                ["LORA_STORE"] = app.Store.Root,
                ["LORA_DATA"] = app.Data,
                ["LORA_MODELS"] = app.Models,
                ["ConnectionStrings__redis"] = null,
            },
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(Cancelled), process.StandardError.ReadToEndAsync(Cancelled));
        await process.WaitForExitAsync(Cancelled);
        return (process.ExitCode, await output + await error);
    }

    [GeneratedRegex(@"^```(bash|yaml)\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"\A# (pipelines/\S+\.yaml)\n")]
    private static partial Regex Place();
}
