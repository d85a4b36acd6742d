using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using LoraAspire.Chat;
using LoraAspire.Model.Generation;
using Microsoft.Extensions.AI;

namespace LoraAspire.Tests.Chat;

/// <summary>A streamed answer's headers don't wait for its first piece, and whoever leaves is not computed for.</summary>
public sealed class HeaderTests
{
    [Theory]
    [InlineData("/v1/chat/completions", "\"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"Who?\"}]")]
    [InlineData("/v1/responses", "\"stream\": true, \"input\": \"Who?\"")]
    [InlineData("/api/chat", "\"messages\": [{\"role\": \"user\", \"content\": \"Who?\"}]")]
    public async Task Headers_come_when_the_prompt_was_taken_and_the_pieces_later(string path, string fields)
    {
        WaitingClient client = new();
        await using ChatService service = new("I am Lora", client);
        await service.StartAsync();
        using var request = Request(path, fields);
        var asked = service.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        (await client.Asked.Task).Prompted!("It is asked in another's words.");
        // The grace in which a full queue would be told.
        while (!asked.IsCompleted)
        {
            service.Clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }

        using var response = await asked;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("It is asked in another's words.", response.Headers.GetValues("Lora-Warning").Single());
        client.Answer.SetResult("I am");
        Assert.Contains("I am", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("true")]
    [InlineData("false")]
    public async Task A_client_that_leaves_ends_its_answer_streamed_or_not(string stream)
    {
        WaitingClient client = new();
        await using ChatService service = new("I am Lora", client);
        await service.StartAsync();
        using var request = Request("/v1/chat/completions",
            $"\"stream\": {stream}, \"messages\": [{{\"role\": \"user\", \"content\": \"Who?\"}}]");
        using CancellationTokenSource leave = new();
        var asked = service.Http.SendAsync(request, leave.Token);
        await client.Asked.Task;

        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        await client.Left.Task.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    private static HttpRequestMessage Request(string path, string fields) => new(HttpMethod.Post, path)
    {
        Content = new StringContent($$"""{"model": "tuned", {{fields}}}""", Encoding.UTF8, "application/json"),
    };

    /// <summary>Answers when it is told to.</summary>
    private sealed class WaitingClient : IChatClient
    {
        public TaskCompletionSource<LocalChatOptions> Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public TaskCompletionSource<string> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public TaskCompletionSource Left { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
            CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages,
            ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            try
            {
                Asked.SetResult((LocalChatOptions)options!);
                var text = await Answer.Task.WaitAsync(cancellationToken);
                yield return new(ChatRole.Assistant, text)
                {
                    RawRepresentation = new TextPiece(text, 1),
                    FinishReason = ChatFinishReason.Stop,
                };
            }
            finally
            {
                Left.SetResult();
            }
        }

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }
    }
}
