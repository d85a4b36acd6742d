using System.ClientModel;
using System.CommandLine;
using LoraAspire.Runtime.Access;
using Microsoft.Extensions.AI;
using OpenAI;

namespace LoraAspire.Cli;

/// <summary>A conversation with the chat service, over the API that any OpenAI client speaks.</summary>
internal static class ChatCommand
{
    public static Command Create()
    {
        var model = new Option<string?>("--model", "-m")
        {
            Description = "Model id, as /v1/models lists it (default: the one that a run deployed last)",
        };
        var once = new Option<string?>("--once") { Description = "Say this, print the answer, leave" };
        var url = new Option<string?>("--url") { Description = "Address of the chat service (default: the running app's)" };
        url.Validators.Add(result =>
        {
            if (result.Tokens is [var given]
                && !(Uri.TryCreate(given.Value, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"))
            {
                result.AddError($"--url {given.Value}: write an address such as http://localhost:15081");
            }
        });
        var command = new Command("chat", "Talk to a model that a run has put behind the chat service.") { model, once, url };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var given = parsed.GetValue(url);
            var address = given ?? App.Find().Chat
                ?? throw new CliException(
                    "The app has no chat service: start it with `dotnet run --project LoraAspire.AppHost`, or give --url.",
                    ExitCode.NotRunning);
            var key = KeyFor(given);
            try
            {
                return await TalkAsync(new Uri(new Uri(address), "/v1"), key, parsed.GetValue(model), parsed.GetValue(once),
                    cancellationToken);
            }
            catch (Exception error) when (error is ClientResultException or HttpRequestException or AggregateException)
            {
                throw new CliException($"The chat service at {address} did not answer: {error.GetBaseException().Message}");
            }
        });
        return command;
    }

    /// <summary>The app's own key is for the app; a server that was named is shown only a key that was named.</summary>
    private static string? KeyFor(string? givenAddress) =>
        Environment.GetEnvironmentVariable(ApiKeyFile.Variable) is { Length: > 0 } file
            ? ApiKeyFile.Read(file) ?? throw new CliException($"No API key file {file}, which {ApiKeyFile.Variable} names.")
        : givenAddress is null ? ApiKeyFile.Read(ApiKeyFile.In(App.Folders.State))
        : null;

    private static async Task<int> TalkAsync(Uri endpoint, string? key, string? model, string? once, CancellationToken cancellationToken)
    {
        // On loopback the service asks for no key, the client library always does.
        var client = new OpenAIClient(new ApiKeyCredential(key ?? "none"), new OpenAIClientOptions { Endpoint = endpoint });
        var models = (await client.GetOpenAIModelClient().GetModelsAsync(cancellationToken)).Value;
        model ??= models.FirstOrDefault()?.Id
            ?? throw new CliException("No model is served yet: run a pipeline that ends with a chat stage.");
        using var chat = client.GetChatClient(model).AsIChatClient();
        List<ChatMessage> history = [];
        if (once is null)
        {
            var others = models.Select(other => other.Id).Where(other => other != model).ToList();
            Console.WriteLine($"{model}. An empty line or Ctrl-D ends."
                + (others.Count == 0 ? "" : $" Others, by --model: {string.Join(", ", others)}."));
        }
        while (!cancellationToken.IsCancellationRequested)
        {
            if (once is null)
            {
                Console.Write("> ");
            }
            if ((once ?? Console.ReadLine()) is not { Length: > 0 } said)
            {
                return 0;
            }
            history.Add(new(ChatRole.User, said));
            List<ChatResponseUpdate> answer = [];
            await foreach (var update in chat.GetStreamingResponseAsync(history, cancellationToken: cancellationToken))
            {
                answer.Add(update);
                Console.Write(update.Text);
            }
            Console.WriteLine();
            history.AddMessages(answer);
            if (once is not null)
            {
                return 0;
            }
        }
        return 130;
    }
}
