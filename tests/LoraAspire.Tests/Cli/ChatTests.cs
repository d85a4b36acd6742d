using System.Runtime.CompilerServices;
using System.Text.Json;
using LoraAspire.Cli;
using LoraAspire.Cli.Chat;
using LoraAspire.Tests.Terminal;
using Microsoft.Extensions.AI;

namespace LoraAspire.Tests.Cli;

/// <summary>A conversation in the terminal, line by line.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class ChatTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-chat-").FullName;
    private readonly CapturedTerminal _terminal = new();
    private readonly Echo _model = new();
    private readonly AnswerInterrupt _interrupt = new();

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminal.Dispose();
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Says what was asked last, and waits where it is asked to.</summary>
    private sealed class Echo : IChatClient
    {
        public List<(IReadOnlyList<ChatMessage> Messages, float? Temperature)> Asked { get; } = [];

        /// <summary>Called once half of an answer to "wait" is out.</summary>
        public Action Half { get; set; } = () => { };

        public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages,
            ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            Asked.Add(([.. messages], options?.Temperature));
            var said = Asked[^1].Messages[^1].Text;
            if (said == "fail")
            {
                throw new HttpRequestException("no service");
            }
            yield return new(ChatRole.Assistant, "you said ");
            if (said == "wait")
            {
                Half();
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }
            yield return new(ChatRole.Assistant, said);
        }

        public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }
    }

    private async Task<string> SayAsync(params string[] lines)
    {
        Queue<string> left = new(lines);
        await new ChatLoop(new(_model, "m"), _ => left.TryDequeue(out var line) ? line : null, _interrupt).RunAsync();
        return _terminal.Out;
    }

    private IEnumerable<string> Asked(int index) => _model.Asked[index].Messages.Select(message => $"{message.Role}: {message.Text}");

    [Fact]
    public async Task Questions_and_answers_go_along_until_they_are_reset()
    {
        await SayAsync("hi", "", "more", "/reset", "new");

        Assert.Equal(["user: hi", "assistant: you said hi", "user: more"], Asked(1));
        Assert.Equal(["user: new"], Asked(2));
    }

    [Fact]
    public async Task System_and_temperature_count_from_then_on_until_they_are_taken_back()
    {
        var said = await SayAsync("/system be brief", "/temperature 0.5", "hi", "/reset", "/temperature 9", "/system none",
            "/temperature none", "again", "/temperature");

        Assert.Equal(["system: be brief", "user: hi"], Asked(0));
        Assert.Equal(0.5f, _model.Asked[0].Temperature);
        Assert.Equal(["user: again"], Asked(1));
        Assert.Null(_model.Asked[1].Temperature);
        Assert.Contains("'9' is no temperature", said, StringComparison.Ordinal);
        Assert.EndsWith("temperature: none\n\n", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_lines_stand_between_quotes_and_a_slash_is_written_twice()
    {
        await SayAsync("\"\"\"one", "/two", "three\"\"\"", "\"\"\"", "four", "\"\"\"", "//exit", "\"\"\"five");

        Assert.Equal(["one\n/two\nthree", "four", "/exit", "five"], _model.Asked.Select(asked => asked.Messages[^1].Text));
    }

    [Fact]
    public async Task A_slip_in_a_command_is_said_and_the_model_not_asked()
    {
        var said = await SayAsync("/tempersture 1", "/help", "/exit", "not reached");

        Assert.Empty(_model.Asked);
        Assert.Contains("did you mean '/temperature'?", said, StringComparison.Ordinal);
        Assert.Contains("/save FILE", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_saved_conversation_is_a_request_and_no_file_is_written_over()
    {
        var file = Path.Combine(_folder, "talk.json");
        var said = await SayAsync("/system be brief", "hi", $"/save {file}", $"/save {file}", "/save", "/save /no/such/folder/x");

        var saved = JsonDocument.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)).RootElement;
        Assert.Equal("m", saved.GetProperty("model").GetString());
        Assert.Equal(["system be brief", "user hi", "assistant you said hi"], saved.GetProperty("messages").EnumerateArray()
            .Select(message => $"{message.GetProperty("role").GetString()} {message.GetProperty("content").GetString()}"));
        Assert.Contains("talk.json: 1 turn\n", said, StringComparison.Ordinal);
        Assert.Equal(2, said.Split("Not saved: ").Length - 1);
    }

    [Fact]
    public async Task An_answer_that_is_stopped_is_kept_as_far_as_it_came()
    {
        _model.Half = () => _interrupt.Stop();

        var said = await SayAsync("wait", "go on");

        Assert.Contains("you said  (stopped)", said, StringComparison.Ordinal);
        Assert.Equal(["user: wait", "assistant: you said ", "user: go on"], Asked(1));
        Assert.False(_interrupt.Stop());
    }

    [Fact]
    public async Task A_service_that_is_away_is_said_and_the_question_can_be_asked_again()
    {
        await SayAsync("fail", "hi");

        Assert.Contains("No answer: no service", _terminal.Error, StringComparison.Ordinal);
        Assert.Equal(["user: hi"], Asked(1));
    }

    [Fact]
    public void Only_a_conversation_takes_Ctrl_C_to_itself()
    {
        Assert.True(ChatCommand.IsConversation(LoraCommand.Create().Parse("chat --model m")));
        Assert.False(ChatCommand.IsConversation(LoraCommand.Create().Parse("chat --once hi")));
        Assert.False(ChatCommand.IsConversation(LoraCommand.Create().Parse("runs")));
    }
}
