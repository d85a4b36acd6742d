using System.ClientModel;
using System.Diagnostics;
using LoraAspire.Pipelines;
using LoraAspire.Runtime.Access;
using Microsoft.Extensions.AI;
using OpenAI;

namespace LoraAspire.Cli.Chat;

/// <summary>One model of the chat service, over the API that any OpenAI client speaks.</summary>
/// <param name="Others">The other models that it serves.</param>
internal sealed record ChatService(string Address, IChatClient Client, string Model, IReadOnlyList<string> Others) : IDisposable
{
    /// <param name="address">Null is the running app's.</param>
    /// <param name="model">Null is the one that a run deployed last.</param>
    /// <exception cref="CliException">There is no service, it doesn't answer, or it serves nothing.</exception>
    public static async Task<ChatService> ConnectAsync(string? address, string? model, CancellationToken cancellationToken)
    {
        var place = address ?? App.Find().Chat
            ?? throw new CliException(
                "The app has no chat service: start it with `dotnet run --project LoraAspire.AppHost`, or give --url.",
                ExitCode.NotRunning);
        // On loopback the service asks for no key, the client library always does.
        OpenAIClient client = new(new ApiKeyCredential(KeyFor(address) ?? "none"),
            new OpenAIClientOptions { Endpoint = new(new Uri(place), "/v1") });
        var models = await CallAsync(place,
            async () => (await client.GetOpenAIModelClient().GetModelsAsync(cancellationToken)).Value.Select(one => one.Id).ToList(),
            cancellationToken);
        // Another server may know names that it doesn't list.
        var chosen = (address is null && models.Count == 0 ? null : model) ?? models.FirstOrDefault()
            ?? throw new CliException("No model is served yet: run a pipeline that ends with a chat stage.", ExitCode.NotFound);
        if (address is null && !models.Contains(chosen))
        {
            throw new CliException($"No model '{Identifiers.Shown(chosen)}' is served. There are: {string.Join(", ", models)}.",
                ExitCode.NotFound);
        }
        return new(place, client.GetChatClient(chosen).AsIChatClient(), chosen, [.. models.Where(other => other != chosen)]);
    }

    /// <exception cref="CliException">The service didn't answer.</exception>
    public Task CallAsync(Func<Task> ask, CancellationToken cancellationToken) => CallAsync(Address, async () =>
    {
        await ask();
        return true;
    }, cancellationToken);

    public void Dispose() => Client.Dispose();

    private static async Task<T> CallAsync<T>(string address, Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            return await ask();
        }
        catch (Exception error) when (ChatFault.Is(error)
            && !(error is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            var words = ChatFault.Words(error, Stopwatch.GetElapsedTime(began));
            throw error is ClientResultException { Status: 404 }
                ? new CliException($"The chat service at {address} has no such model or address: {words}", ExitCode.NotFound)
                : new CliException($"The chat service at {address} did not answer: {words}", ExitCode.NoAnswer);
        }
    }

    /// <summary>The app's own key is for the app; a server that was named is shown only a key that was named.</summary>
    private static string? KeyFor(string? givenAddress) =>
        Environment.GetEnvironmentVariable(ApiKeyFile.Variable) is { Length: > 0 } file
            ? ApiKeyFile.Read(file) ?? throw new CliException($"No API key file {file}, which {ApiKeyFile.Variable} names.")
        : givenAddress is null ? ApiKeyFile.Read(ApiKeyFile.In(App.Folders.State))
        : null;
}
