using System.Text.Json;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace LoraAspire.RedisTests.Cli;

/// <summary><c>lora mcp</c> as an assistant starts it: a process that is spoken to over its standard input and output.</summary>
public sealed class McpTests(RedisServer server) : IAsyncLifetime
{
    private readonly Installation _installation = new(server);

    public async ValueTask InitializeAsync()
    {
        await _installation.StartCoordinatorAsync();
        await _installation.StartDataBuildAsync(Installation.WriteDataset);
    }

    public ValueTask DisposeAsync() => _installation.DisposeAsync();

    private Task<McpClient> ConnectAsync(params string[] options) => ConnectInAsync(Environment.CurrentDirectory, options);

    private Task<McpClient> ConnectInAsync(string folder, params string[] options) => McpClient.CreateAsync(new StdioClientTransport(new()
    {
        WorkingDirectory = folder,
        Command = "dotnet",
        Arguments = [McpServerProcess.Lora, "mcp", .. options],
        EnvironmentVariables = McpServerProcess.Environment(_installation),
    }), cancellationToken: Installation.Soon);

    private static async Task<(bool Failed, string Text)> CallAsync(McpClient client, string tool, object? given = null)
    {
        var words = JsonSerializer.SerializeToElement(given ?? new { }).Deserialize<Dictionary<string, object?>>()!;
        var result = await client.CallToolAsync(tool, words, cancellationToken: Installation.Soon);
        return (result.IsError is true, string.Concat(result.Content.OfType<TextContentBlock>().Select(block => block.Text)));
    }

    private static async Task<JsonElement> JsonAsync(McpClient client, string tool, object? given = null)
    {
        var (failed, text) = await CallAsync(client, tool, given);
        Assert.False(failed, text);
        return JsonDocument.Parse(text).RootElement;
    }

    [Fact]
    public async Task Without_leave_an_assistant_can_only_look()
    {
        var run = (await _installation.EndOfAsync(await _installation.Runs.SubmitAsync(Installation.OneStage()))).Id;
        await using var client = await ConnectAsync();

        var tools = await client.ListToolsAsync(cancellationToken: Installation.Soon);
        Assert.All(tools, tool => Assert.True(tool.ProtocolTool.Annotations?.ReadOnlyHint));
        Assert.Contains("show_run", tools.Select(tool => tool.Name));
        Assert.DoesNotContain("submit_run", tools.Select(tool => tool.Name));

        Assert.Equal(run, Assert.Single((await JsonAsync(client, "list_runs")).EnumerateArray()).GetProperty("id").GetString());
        Assert.Equal("succeeded", (await JsonAsync(client, "show_run", new { run = "latest" })).GetProperty("state").GetString());
        Assert.Contains("first run", (await CallAsync(client, "explain_run", new { run })).Text, StringComparison.Ordinal);
        Assert.Contains("finished", (await CallAsync(client, "run_log", new { run })).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_tool_of_a_server_uses_its_one_connection()
    {
        var run = (await _installation.EndOfAsync(await _installation.Runs.SubmitAsync(Installation.OneStage()))).Id;
        await using var client = await ConnectAsync();
        await CallAsync(client, "list_runs");
        var before = await ConnectionsAsync();

        Assert.Contains("is missing", (await CallAsync(client, "check_pipeline", new { yaml = "name: x" })).Text,
            StringComparison.Ordinal);
        Assert.Contains("data-build", (await CallAsync(client, "pipeline_schema")).Text, StringComparison.Ordinal);
        Assert.Equal((true, true), await FailsAsync(client, "data_stats", new { where = run }, "dataset.json"));
        Assert.Equal((true, true), await FailsAsync(client, "list_runs", new { state = "lost" }, "succeeded, failed, cancelled"));
        await CallAsync(client, "show_run", new { run });

        Assert.Equal(before, await ConnectionsAsync());

        async Task<int> ConnectionsAsync() => (await _installation.Connection.GetServers()[0].ClientListAsync()).Length;
    }

    [Fact]
    public async Task With_leave_a_pipeline_is_submitted_and_waited_for()
    {
        await using var client = await ConnectAsync("--allow-submit");

        var submitted = await JsonAsync(client, "submit_run", new { yaml = Installation.OneStage() });
        var run = submitted.GetProperty("run").GetString();
        var over = await JsonAsync(client, "wait_for_run", new { run, seconds = 15 });

        Assert.Equal((run, "succeeded"), (over.GetProperty("id").GetString(), over.GetProperty("state").GetString()));
        Assert.Equal((true, true), await FailsAsync(client, "submit_run", new { yaml = "name: x" }, "'stages' is missing"));
        Assert.Equal((true, true), await FailsAsync(client, "cancel_run", new { run = "latest" }, "is no whole id"));
        Assert.Equal((true, true), await FailsAsync(client, "show_run", new { run = "none" }, "No run 'none'"));
        Assert.Equal((true, true), await FailsAsync(client, "inspect_data", new { where = "/etc" }, "is no run and no digest"));
    }

    [Fact]
    public async Task A_folder_that_is_called_as_a_run_hides_none()
    {
        var run = (await _installation.EndOfAsync(await _installation.Runs.SubmitAsync(Installation.OneStage()))).Id;
        var folder = Directory.CreateTempSubdirectory("lora-mcp-");
        try
        {
            folder.CreateSubdirectory(run);
            await using var client = await ConnectInAsync(folder.FullName);

            Assert.Equal((true, true), await FailsAsync(client, "data_stats", new { where = run }, "dataset.json"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Whatever_an_assistant_asks_it_is_told_in_a_few_plain_words_and_may_ask_again()
    {
        var run = (await _installation.EndOfAsync(await _installation.Runs.SubmitAsync(Installation.OneStage()))).Id;
        await using var client = await ConnectAsync("--allow-submit");
        object[] nobodys = ["", "../../etc/passwd", "/etc", "\u001b[31mred\u0007", "a\nb", new string('a', 100_000), "*"];
        foreach (var (tool, argument) in new[] { ("show_run", "run"), ("run_log", "run"), ("explain_run", "run"), ("wait_for_run", "run"),
            ("cancel_run", "run"), ("inspect_data", "where"), ("data_stats", "where") })
        {
            foreach (var nobody in nobodys)
            {
                var (failed, text) = await CallAsync(client, tool, new Dictionary<string, object> { [argument] = nobody });
                Assert.True(failed, $"{tool} {nobody}: {text}");
                Assert.InRange(text.Length, 10, 600);
                Assert.DoesNotContain(text, letter => char.IsControl(letter));
            }
        }
        foreach (var last in new[] { int.MinValue, -1, 0 })
        {
            Assert.Equal(1, (await JsonAsync(client, "run_log", new { run, last })).GetArrayLength());
        }
        Assert.InRange((await JsonAsync(client, "run_log", new { run, last = int.MaxValue })).GetArrayLength(), 2, 500);
        Assert.Equal(1, (await JsonAsync(client, "list_runs", new { limit = -7 })).GetArrayLength());
        foreach (var (tool, given) in new (string, object)[] { ("explain_run", new { run, stage = "\u001b[2J" }),
            ("inspect_data", new { where = run, stage = "\u001b[2J" }), ("data_stats", new { where = run, stage = "\u001b[2J" }) })
        {
            Assert.Equal((true, true), await FailsAsync(client, tool, given, "no stage '?[2J'"));
        }
        Assert.InRange((await CallAsync(client, "explain_run", new { run, stage = new string('a', 100_000) })).Text.Length, 10, 600);
        var large = "name: x\n" + string.Concat(Enumerable.Repeat("# " + new string('x', 98) + "\n", 100_000));
        Assert.Contains("at most 1 MiB", (await CallAsync(client, "check_pipeline", new { yaml = large })).Text, StringComparison.Ordinal);
        Assert.Equal((true, true), await FailsAsync(client, "submit_run", new { yaml = large }, "at most 1 MiB"));
        await Assert.ThrowsAsync<McpProtocolException>(() => CallAsync(client, "no_such_tool"));
        Assert.Equal("succeeded", (await JsonAsync(client, "show_run", new { run })).GetProperty("state").GetString());
    }

    private static async Task<(bool Failed, bool Said)> FailsAsync(McpClient client, string tool, object given, string words) =>
        await CallAsync(client, tool, given) is var (failed, text) ? (failed, text.Contains(words, StringComparison.Ordinal)) : default;
}
