using System.Text.Json;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Model;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Generation.Constraints;
using LoraAspire.Model.Generation.Tools;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Prompts.Jinja;
using LoraAspire.Pipelines.Terminal;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;
using ChatOptions = Microsoft.Extensions.AI.ChatOptions;
using TemplateMessage = LoraAspire.Model.Prompts.ChatMessage;

namespace LoraAspire.Chat.Answers;

/// <summary>What a model is asked, and what its answer has to obey.</summary>
/// <param name="Constraint">Null lets it say anything.</param>
/// <param name="Calls">How it writes calls of tools; null where it has none.</param>
/// <param name="Continues">The answer goes on with a text that the caller began.</param>
internal sealed record AskedPrompt(int[] Ids, Func<TokenConstraint>? Constraint, ToolCallFormat? Calls, bool Continues);

/// <summary>
/// A conversation for whichever model it is sent to: by turns of a question and an answer as training knows them, or message by message
/// where only a chat template can write it. A last message of the assistant's is the beginning of the answer.
/// </summary>
internal sealed class ChatPrompt
{
    private const int MostForcedCalls = 8;

    private readonly IReadOnlyList<ChatMessage> _messages;
    private readonly ChatMessage? _begun;
    private readonly ChatOptions _options;
    private readonly IReadOnlyList<AIFunctionDeclaration> _tools;

    /// <exception cref="RequestException">Options that no model obeys together.</exception>
    public ChatPrompt(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        var all = messages.ToList();
        _begun = all is [.., { } last] && last.Role == ChatRole.Assistant ? last : null;
        _messages = _begun is null ? all : all[..^1];
        _options = options ?? new();
        _tools = _options.ToolMode is NoneChatToolMode ? [] : [.. _options.Tools?.OfType<AIFunctionDeclaration>() ?? []];
        if (_begun?.Contents.OfType<FunctionCallContent>().Any() is true)
        {
            throw new RequestException("The last message calls tools: their results must follow, as messages of role tool.", "messages");
        }
        if (IsConstrained && (_begun is not null || _tools.Count > 0))
        {
            throw new RequestException($"'response_format' doesn't go together with {(_begun is null ? "'tools': leave one of them out"
                : "an answer that the last message begins")}.", "response_format");
        }
    }

    private bool IsConstrained => _options.ResponseFormat is ChatResponseFormatJson;

    /// <param name="answer">Tokens that the answer may have.</param>
    /// <exception cref="RequestException">This model can't be asked so.</exception>
    public AskedPrompt Encode(LocalModel model, int answer)
    {
        try
        {
            var calls = _tools.Count == 0 ? null : CallsOf(model.Format);
            var begun = model.Tokenizer.EncodeContinuation(_begun?.Text ?? "");
            // The answer gets what it asks for, but not at the price of more than half the history.
            var room = model.Context - Math.Min(answer, model.Context / 2) - begun.Length;
            return new([.. Conversation(model, room), .. begun], Constraint(model, calls), calls, _begun is not null);
        }
        catch (TemplateException refusal)
        {
            throw new RequestException(
                $"The model's chat template refuses this conversation: {TerminalText.Clean(refusal.Words)}", "messages");
        }
        catch (ConstraintException refusal)
        {
            throw new RequestException(refusal.Message, IsConstrained ? "response_format" : "tools");
        }
    }

    private Func<TokenConstraint>? Constraint(LocalModel model, ToolCallFormat? calls) =>
        calls is not null && _options.ToolMode is RequiredChatToolMode mode
            ? JsonConstraints.ForToolCall(JsonElement.Parse(TemplateMessages.Tools(_tools), ForeignJson.ReadWritten),
                mode.RequiredFunctionName, calls, model.Tokenizer, model.EndIds, MostForced(mode))
        : _options.ResponseFormat is not ChatResponseFormatJson json ? null
        : json.Schema is { } schema ? JsonConstraints.ForSchema(schema, model.Tokenizer, model.EndIds)
        : JsonConstraints.ForObject(model.Tokenizer, model.EndIds);

    private int MostForced(RequiredChatToolMode mode) =>
        _options.AllowMultipleToolCalls == false || mode.RequiredFunctionName is not null ? 1 : MostForcedCalls;

    private static ToolCallFormat CallsOf(PromptFormat format) =>
        format is not ChatFormat ? throw NoTools("it is asked with a prompt template, which has no place for them")
        : ToolCallFormat.Of(format) ?? throw NoTools("its chat template has no place for them, or writes calls in a form of its own");

    private static RequestException NoTools(string why) => new($"This model takes no 'tools': {why}.", "tools");

    private int[] Conversation(LocalModel model, int room)
    {
        var isChat = model.Format is ChatFormat;
        if (_tools.Count == 0 && TurnsOf(_messages, strictly: isChat) is { } turns)
        {
            return turns.Encode(model.Format, model.Tokenizer, room);
        }
        if (isChat)
        {
            return Whole(model, room);
        }
        var stranger = _messages.FirstOrDefault(message => message.Role == ChatRole.Tool);
        throw new RequestException(stranger is null
            ? "The messages must be system, then user and assistant in turn, and the last one the user's: this model is asked with a "
                + "prompt template, which has turns of a question and an answer."
            : "A message of role 'tool' has no place here: this model is asked with a prompt template.", "messages");
    }

    /// <summary>Null where turns of a question and an answer can't say it.</summary>
    /// <param name="strictly">System messages stand before all others, as a chat template could write them elsewhere too.</param>
    private static Conversation? TurnsOf(IReadOnlyList<ChatMessage> messages, bool strictly)
    {
        List<Turn> turns = [];
        List<string> system = [];
        foreach (var message in messages)
        {
            if (message.Contents.Any(content => content is not TextContent) || strictly && system.Count > 0 && turns.Count > 0
                && message.Role == ChatRole.System)
            {
                return null;
            }
            if (message.Role == ChatRole.System && (turns.Count == 0 || !strictly))
            {
                system.Add(message.Text);
            }
            else if (message.Role == ChatRole.User)
            {
                // Two questions in a row are one of two paragraphs.
                if (turns is [.., { Answer: null } open])
                {
                    turns[^1] = new(open.Question + "\n" + message.Text);
                }
                else
                {
                    turns.Add(new(message.Text));
                }
            }
            else if (message.Role == ChatRole.Assistant && turns is [.., { Answer: null }])
            {
                turns[^1] = turns[^1] with { Answer = message.Text };
            }
            else
            {
                return null;
            }
        }
        return turns is [.., { Answer: null }] ? new(system.Count > 0 ? string.Join("\n", system) : null, turns) : null;
    }

    /// <summary>Message by message, oldest exchanges left out until it fits; system messages stay.</summary>
    private int[] Whole(LocalModel model, int room)
    {
        var tools = _tools.Count > 0 ? TemplateMessages.Tools(_tools) : null;
        var messages = TemplateMessages.Of(_messages);
        int[] Ids(List<TemplateMessage> said, string? given) =>
            model.Format.Prompt(new(null, []) { Messages = said, Tools = given }, model.Tokenizer);
        for (; ; )
        {
            var ids = Ids(messages, tools);
            var first = messages.FindIndex(message => message.Role != "system");
            var next = first < 0 ? -1 : messages.FindIndex(first + 1, message => message.Role == "user");
            if (ids.Length > room && next >= 0)
            {
                messages.RemoveRange(first, next - first);
                continue;
            }
            return tools is not null && ids.AsSpan().SequenceEqual(Ids(messages, null))
                ? throw NoTools("its chat template leaves them out")
                : messages.Exists(message => message.Role == "tool")
                    && ids.AsSpan().SequenceEqual(Ids([.. messages.Where(message => message.Role != "tool")], tools))
                ? throw new RequestException("The model's chat template leaves out messages of role 'tool'.", "messages")
                : ids;
        }
    }
}
