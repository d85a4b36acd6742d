using System.Net;
using System.Text;
using LoraAspire.Cli;
using LoraAspire.Cli.Chat;
using LoraAspire.Machine;
using LoraAspire.Tests.Terminal;

namespace LoraAspire.Tests.Cli;

/// <summary><c>lora chat</c> with a server that answers with something else than OpenAI's API has.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class ForeignServerTests : IAsyncDisposable
{
    private const string Models = """{ "object": "list", "data": [{ "id": "m", "object": "model", "created": 1, "owned_by": "x" }] }""";

    private readonly CapturedTerminal _terminal = new();
    private readonly HttpListener _listener = new();
    private readonly string _address = $"http://127.0.0.1:{Ports.Free(1)[0]}/";
    private Task _serving = Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _serving;
        _terminal.Dispose();
    }

    /// <param name="answer">To a question.</param>
    private void Serve(string models, string form, string answer)
    {
        _listener.Prefixes.Add(_address);
        _listener.Start();
        _serving = Task.Run(async () =>
        {
            while (_listener.IsListening)
            {
                try
                {
                    var context = await _listener.GetContextAsync();
                    var asked = context.Request.HttpMethod == "POST";
                    context.Response.ContentType = asked ? form : "application/json";
                    await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(asked ? answer : models));
                    context.Response.Close();
                }
                catch (Exception error) when (error is HttpListenerException or ObjectDisposedException)
                {
                    return; // it was closed
                }
            }
        });
    }

    [Fact]
    public async Task A_page_in_the_place_of_the_models_is_said_in_words()
    {
        Serve("<html>welcome</html>", "text/html", "");

        Assert.Equal(7, await LoraCommand.RunAsync(["chat", "--url", _address, "--once", "hi"]));

        Assert.Contains("did not answer: what came is no answer of OpenAI's API", _terminal.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text/event-stream", "data: {\"id\": \"1\", \"choi\n\n")]
    [InlineData("text/event-stream", "data: <html>\n\n")]
    [InlineData("text/event-stream", "data: {\"choices\": [{\"delta\": 7}]}\n\n")]
    public async Task Half_a_frame_is_said_and_the_conversation_goes_on(string form, string answer)
    {
        Serve(Models, form, answer);

        Assert.Equal(7, await LoraCommand.RunAsync(["chat", "--url", _address, "--once", "hi"]));
        Assert.Contains("what came is no answer of OpenAI's API", _terminal.Error, StringComparison.Ordinal);

        using var service = await ChatService.ConnectAsync(_address, "m", TestContext.Current.CancellationToken);
        using AnswerInterrupt interrupt = new();
        Queue<string> lines = new(["hi", "/help"]);
        await new ChatLoop(new(service.Client, "m"), _ => lines.TryDequeue(out var line) ? line : null, interrupt).RunAsync();

        Assert.Contains("No answer: what came is no answer", _terminal.Error, StringComparison.Ordinal);
        Assert.Contains("/save FILE", _terminal.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void The_time_of_the_client_that_is_up_is_told_with_how_long_that_was()
    {
        TaskCanceledException late = new("x");

        Assert.True(ChatFault.Is(late));
        Assert.Equal("nothing came in 100 s", ChatFault.Words(late, TimeSpan.FromSeconds(100)));
    }
}
