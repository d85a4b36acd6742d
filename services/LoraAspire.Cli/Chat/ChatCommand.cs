using System.CommandLine;

namespace LoraAspire.Cli.Chat;

/// <summary>A conversation with the chat service, over the API that any OpenAI client speaks.</summary>
internal static class ChatCommand
{
    private const string Name = "chat", Once = "--once";

    public static Command Create()
    {
        var model = new Option<string?>("--model", "-m")
        {
            Description = "Model id, as /v1/models lists it (default: the one that a run deployed last)",
        };
        var once = new Option<string?>(Once) { Description = "Say this, print the answer, leave" };
        var url = new Option<string?>("--url") { Description = "Address of the chat service (default: the running app's)" };
        var json = JsonScreen.Option($"As JSON, with {Once}");
        json.Validators.Add(result =>
        {
            if (!result.Implicit && result.GetResult(once) is null)
            {
                result.AddError($"--json goes with {Once}");
            }
        });
        url.Validators.Add(result =>
        {
            if (result.Tokens is [var given]
                && !(Uri.TryCreate(given.Value, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"))
            {
                result.AddError($"--url {given.Value}: write an address such as http://localhost:15081");
            }
        });
        var command = new Command(Name, "Talk to a model that a run has put behind the chat service.") { model, once, url, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var service = await ChatService.ConnectAsync(parsed.GetValue(url), parsed.GetValue(model), cancellationToken);
            Conversation conversation = new(service.Client, service.Model);
            if (parsed.GetValue(once) is { } said)
            {
                System.Text.StringBuilder answer = new();
                await service.CallAsync(() => conversation.AskAsync(said, piece =>
                {
                    answer.Append(piece);
                    Console.Write(piece);
                }, cancellationToken), cancellationToken);
                Console.WriteLine();
                if (parsed.GetValue(json))
                {
                    JsonScreen.Write(new { service.Model, question = said, answer = answer.ToString() });
                }
                return 0;
            }
            Console.WriteLine($"{service.Model}. /help lists what can be said besides; Ctrl-D or /exit ends."
                + (service.Others.Count == 0 ? "" : $" Others, by --model: {string.Join(", ", service.Others)}."));
            using AnswerInterrupt interrupt = new();
            await new ChatLoop(conversation, new LineReader().Read, interrupt).RunAsync();
            return 0;
        });
        return command;
    }

    /// <summary>Where Ctrl-C stops an answer, and not the program.</summary>
    public static bool IsConversation(ParseResult parsed) => parsed.CommandResult.Command.Name == Name && parsed.GetResult(Once) is null;
}
