using System.Text.Json;
using Microsoft.Extensions.AI;

namespace LoraAspire.Cli.Chat;

/// <summary>What was said so far, and how the next answer is drawn.</summary>
internal sealed class Conversation(IChatClient client, string model)
{
    private readonly List<ChatMessage> _history = [];

    /// <summary>Stands before everything; null of none.</summary>
    public string? System { get; set; }

    /// <summary>Null leaves it to the service.</summary>
    public float? Temperature { get; set; }

    public int Turns => _history.Count(message => message.Role == ChatRole.User);

    /// <summary>An answer that is stopped is kept as far as it came; where nothing had come, the question wasn't asked.</summary>
    /// <param name="show">Gets the answer piece by piece.</param>
    public async Task AskAsync(string said, Action<string> show, CancellationToken stop)
    {
        ChatMessage question = new(ChatRole.User, said);
        List<ChatResponseUpdate> answer = [];
        try
        {
            await foreach (var update in client.GetStreamingResponseAsync([.. Head(), .. _history, question],
                new ChatOptions { Temperature = Temperature }, stop))
            {
                answer.Add(update);
                show(update.Text);
            }
        }
        finally
        {
            if (answer.Exists(update => update.Text != ""))
            {
                _history.Add(question);
                _history.AddMessages(answer);
            }
        }
    }

    public void Reset() => _history.Clear();

    /// <summary>As OpenAI's clients write a request, so that it can be sent again.</summary>
    public string ToJson()
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes, new() { Indented = true, Encoder = JsonScreen.Encoder }))
        {
            json.WriteStartObject();
            json.WriteString("model", model);
            if (Temperature is { } temperature)
            {
                json.WriteNumber("temperature", temperature);
            }
            json.WriteStartArray("messages");
            foreach (var message in Head().Concat(_history))
            {
                json.WriteStartObject();
                json.WriteString("role", message.Role.Value);
                json.WriteString("content", message.Text);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return global::System.Text.Encoding.UTF8.GetString(bytes.ToArray()) + "\n";
    }

    private IEnumerable<ChatMessage> Head() => System is null ? [] : [new(ChatRole.System, System)];
}
