using System.ClientModel;
using System.ClientModel.Primitives;
using System.Runtime.CompilerServices;
using System.Text.Json;
using LoraAspire.Runtime.Access;
using Microsoft.Extensions.ServiceDiscovery.Http;
using OpenAI;
using OpenAI.Chat;

namespace LoraAspire.Lab.ChatPages;

/// <summary>A piece of an answer; the last have why it ended and what it cost.</summary>
public sealed record AnswerPiece(string Text, string? Finish, int? PromptTokens, int? Tokens);

/// <summary>A conversation as a model sees it.</summary>
/// <param name="Count">Its tokens.</param>
/// <param name="MaxModelLen">Tokens that prompt and answer may have together.</param>
public sealed record SeenPrompt(string Prompt, int Count, int MaxModelLen);

/// <summary>The app's chat service, over the API that any OpenAI client speaks.</summary>
public sealed class ChatApi : IDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(10);

    /// <summary>A model may have to be loaded first.</summary>
    private static readonly TimeSpan s_loaded = TimeSpan.FromMinutes(5);

    private static readonly JsonSerializerOptions s_snake = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private readonly HttpClient _http;
    private readonly OpenAIClient _client;

    /// <param name="discovery">Finds the service by its name.</param>
    /// <param name="isKnown">Whether there is one to be found.</param>
    /// <param name="keyFile">Of the key that services ask each other for; null or empty where they ask for none.</param>
    public ChatApi(IServiceDiscoveryHttpMessageHandlerFactory discovery, bool isKnown, string? keyFile)
    {
        IsKnown = isKnown;
        Uri service = new("http://chat");
        // A service that asks for a key asks this one for the same, and it must not follow a redirect.
        var key = keyFile is { Length: > 0 } file ? ApiKeyFile.ReadOrCreate(file) : null;
        SocketsHttpHandler sockets = new() { AllowAutoRedirect = false, UseProxy = false, ConnectTimeout = s_soon };
        _http = new(discovery.CreateHandler(sockets)) { BaseAddress = service, Timeout = Timeout.InfiniteTimeSpan };
        if (key is not null)
        {
            _http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        }
        _client = new(new ApiKeyCredential(key ?? "none"), new OpenAIClientOptions
        {
            Endpoint = new(service, "/v1"),
            Transport = new HttpClientPipelineTransport(_http),
            RetryPolicy = new ClientRetryPolicy(maxRetries: 0),
            // An answer may be waited for while others are served, or a model is loaded.
            NetworkTimeout = Timeout.InfiniteTimeSpan,
        });
    }

    /// <summary>Whether the app has one.</summary>
    public bool IsKnown { get; }

    /// <summary>The newest that a run deployed first, folders last.</summary>
    /// <exception cref="ChatTroubleException">The service doesn't answer.</exception>
    public Task<IReadOnlyList<string>> ModelsAsync(CancellationToken cancellationToken) => WithinAsync(s_soon, async soon =>
        (IReadOnlyList<string>)[.. (await _client.GetOpenAIModelClient().GetModelsAsync(soon)).Value.Select(model => model.Id)],
        cancellationToken);

    /// <exception cref="ChatTroubleException">No answer, or no more of it.</exception>
    public async IAsyncEnumerable<AnswerPiece> StreamAsync(string model, IReadOnlyList<Said> messages, Sampling sampling,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        KnownOrAway();
        var updates = _client.GetChatClient(model)
            .CompleteChatStreamingAsync(messages.Select(ChatFields.Message), ChatFields.Options(sampling), cancellationToken);
        await using var pieces = updates.GetAsyncEnumerator(cancellationToken);
        for (var begun = false; ; begun = true)
        {
            StreamingChatCompletionUpdate piece;
            try
            {
                if (!await pieces.MoveNextAsync())
                {
                    yield break;
                }
                piece = pieces.Current;
            }
            catch (Exception error) when (ChatFaults.Of(error, begun) is { } trouble && !cancellationToken.IsCancellationRequested)
            {
                throw new ChatTroubleException(trouble, error);
            }
            if (ChatFaults.InStream(piece) is { } told)
            {
                throw new ChatTroubleException(told);
            }
            yield return ChatFields.Piece(piece);
        }
    }

    /// <summary>The conversation as the model's template writes it; of a long one, what is left of it.</summary>
    /// <exception cref="ChatTroubleException">It can't be had.</exception>
    public Task<SeenPrompt> SeenAsync(string model, IReadOnlyList<Said> messages, int? maxTokens, CancellationToken cancellationToken)
    {
        object body = maxTokens is { } most ? new { model, messages, max_tokens = most } : new { model, messages };
        return WithinAsync(s_loaded, async soon =>
        {
            using var answer = await _http.PostAsJsonAsync("/apply-template", body, soon);
            return answer.IsSuccessStatusCode
                ? await answer.Content.ReadFromJsonAsync<SeenPrompt>(s_snake, soon) ?? throw new JsonException("null")
                : throw new ChatTroubleException(ChatFaults.Of((int)answer.StatusCode,
                    BinaryData.FromBytes(await answer.Content.ReadAsByteArrayAsync(soon)), null));
        }, cancellationToken);
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The bare name would be asked of DNS, and who answers there would get the key.</summary>
    private void KnownOrAway()
    {
        if (!IsKnown)
        {
            throw new ChatTroubleException(new(TroubleKind.Away));
        }
    }

    private async Task<T> WithinAsync<T>(TimeSpan limit, Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        KnownOrAway();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ended.CancelAfter(limit);
        try
        {
            return await ask(ended.Token);
        }
        catch (Exception error) when (ChatFaults.Of(error, begun: false) is { } trouble && !cancellationToken.IsCancellationRequested)
        {
            throw new ChatTroubleException(trouble, error);
        }
    }
}
