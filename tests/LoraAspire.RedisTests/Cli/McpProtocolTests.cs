using System.Diagnostics;
using System.Text.Json;

namespace LoraAspire.RedisTests.Cli;

/// <summary><c>lora mcp</c> line by line: what it writes, when a client gives up, and where there is no app.</summary>
public sealed class McpProtocolTests(RedisServer server) : IAsyncLifetime
{
    private const int Waiting = 2, Listing = 3, Withheld = 4, Unknown = 5, Over = 6;

    private readonly Installation _installation = new(server);
    private readonly TaskCompletionSource _leave = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Process? _process;

    public async ValueTask InitializeAsync()
    {
        await _installation.StartCoordinatorAsync();
        await _installation.StartDataBuildAsync(async (context, stop) =>
        {
            await _leave.Task.WaitAsync(stop);
            await Installation.WriteDataset(context, stop);
        });
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false } left)
        {
            left.Kill();
        }
        _process?.Dispose();
        await _installation.DisposeAsync();
    }

    [Fact]
    public async Task A_call_that_its_client_gives_up_is_answered_no_more_and_standard_output_carries_the_protocol_alone()
    {
        var run = await _installation.Runs.SubmitAsync(Installation.OneStage());
        await _installation.FirstAsync<Pipelines.Runs.StageStarted>(run);
        await StartAsync(_installation.Connection.Configuration);

        await CallAsync(Waiting, "wait_for_run", new { run, seconds = 50 });
        await CallAsync(Listing, "list_runs");
        List<JsonElement> told = [await AnswerAsync(Listing)];
        await SendAsync(new { jsonrpc = "2.0", method = "notifications/cancelled", @params = new { requestId = Waiting } });
        _leave.SetResult();
        await CallAsync(Over, "wait_for_run", new { run, seconds = 50 });
        told.Add(await AnswerAsync(Over));
        _process!.StandardInput.Close();
        while (await _process.StandardOutput.ReadLineAsync(Installation.Soon) is { } line)
        {
            told.Add(JsonDocument.Parse(line).RootElement);
        }
        await _process.WaitForExitAsync(Installation.Soon);

        Assert.Equal(0, _process.ExitCode);
        Assert.Contains("succeeded", told[1].GetRawText(), StringComparison.Ordinal);
        Assert.Equal([Listing, Over], told.Select(answer => answer.GetProperty("id").GetInt32()));
    }

    [Fact]
    public async Task What_is_withheld_is_refused_with_the_way_to_have_it()
    {
        await StartAsync(_installation.Connection.Configuration);

        await CallAsync(Withheld, "submit_run", new { yaml = Installation.OneStage() });
        var refused = (await AnswerAsync(Withheld)).GetProperty("result");
        await CallAsync(Unknown, "no_such\u001b[31m");
        var error = (await AnswerAsync(Unknown)).GetProperty("error").GetProperty("message").GetString()!;

        Assert.True(refused.GetProperty("isError").GetBoolean());
        Assert.Contains("lora mcp --allow-submit", refused.GetRawText(), StringComparison.Ordinal);
        Assert.Contains("There is no tool 'no_such?[31m'.", error, StringComparison.Ordinal);
        Assert.Empty(await _installation.Runs.IdsAsync());
    }

    [Theory]
    [InlineData("localhost:1")]
    [InlineData("")]
    public async Task Where_no_app_runs_every_tool_says_so_in_a_sentence(string redis)
    {
        await StartAsync(redis, "--allow-submit");
        foreach (var (id, (tool, given)) in new (string, object)[]
        {
            ("list_runs", new { }), ("show_run", new { run = "latest" }), ("run_log", new { run = "latest" }),
            ("wait_for_run", new { run = "latest" }), ("inspect_data", new { where = "latest" }),
            ("submit_run", new { yaml = Installation.OneStage() }), ("ask_model", new { message = "hello" }),
        }.Index())
        {
            await CallAsync(Over + id, tool, given);
            var said = (await AnswerAsync(Over + id)).GetProperty("result");

            Assert.True(said.GetProperty("isError").GetBoolean(), tool);
            var words = said.GetProperty("content")[0].GetProperty("text").GetString()!;
            Assert.Contains(redis == "localhost:1" && tool == "ask_model" ? "no chat service" : "LoraAspire is not running here", words,
                StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", words, StringComparison.Ordinal);
        }
    }

    private async Task StartAsync(string redis, params string[] options)
    {
        ProcessStartInfo start = new("dotnet", [McpServerProcess.Lora, "mcp", .. options])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (var (name, value) in McpServerProcess.Environment(_installation))
        {
            start.Environment[name] = value;
        }
        start.Environment["ConnectionStrings__redis"] = redis;
        _process = Process.Start(start)!;
        await SendAsync(new
        {
            jsonrpc = "2.0",
            id = 1,
            method = "initialize",
            @params = new { protocolVersion = "2025-06-18", capabilities = new { }, clientInfo = new { name = "test", version = "1" } },
        });
        await AnswerAsync(1);
        await SendAsync(new { jsonrpc = "2.0", method = "notifications/initialized" });
    }

    private Task CallAsync(int id, string tool, object? given = null) =>
        SendAsync(new { jsonrpc = "2.0", id, method = "tools/call", @params = new { name = tool, arguments = given ?? new { } } });

    private async Task SendAsync(object message)
    {
        await _process!.StandardInput.WriteLineAsync(JsonSerializer.Serialize(message).AsMemory(), Installation.Soon);
        await _process.StandardInput.FlushAsync(Installation.Soon);
    }

    /// <summary>The next line has to be this answer: no other is open, and nothing else may stand there.</summary>
    private async Task<JsonElement> AnswerAsync(int id)
    {
        var answer = JsonDocument.Parse((await _process!.StandardOutput.ReadLineAsync(Installation.Soon))!).RootElement;
        Assert.Equal(id, answer.GetProperty("id").GetInt32());
        return answer;
    }
}
