using System.Globalization;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.AI;

namespace LoraAspire.ChatClients;

/// <summary>A chat model as a stage has it: what it is asked, within its budget, and what it said before.</summary>
internal sealed class ChatSession : IDisposable
{
    private readonly string _temperature;
    private readonly KeyPieces _key;
    private readonly IChatClient _client;

    /// <param name="cache">The folder of what it said before.</param>
    /// <param name="temperature">Of every request; other answers are wanted at another, so it is part of the cache's digest.</param>
    /// <exception cref="StageException">A key is missing, or would travel in clear text.</exception>
    public ChatSession(ChatModelParams with, ChatUse use, float temperature, ChatModels models, string cache, Action<string> say)
    {
        var endpoint = ChatEndpoint.Of(with, use);
        (Model, Say) = (with.Model, say);
        (_key, _temperature) = (KeyPieces.Of(endpoint.Key), temperature.ToString(CultureInfo.InvariantCulture));
        _client = models.Connect(endpoint, with.Model, use);
        Requests = new(_client, with, use, endpoint.Key, temperature, models.Timing, say);
        Cache = new(cache, say);
    }

    public string Model { get; }

    /// <summary>Writes a line of the run's log.</summary>
    public Action<string> Say { get; }

    public ChatRequests Requests { get; }

    public ItemCache Cache { get; }

    /// <summary>By what the cache knows what the model said to this. The same with and without a schema.</summary>
    public string DigestOf(ChatAsk ask) => ItemCache.KeyOf(ask.System(false), ask.Task, Model, _temperature);

    /// <summary>What an answer to this must not hold: a server may send back the header that it got.</summary>
    public KeyPieces SecretOf(ChatAsk ask) => _key.Except(ask.System(false) + " " + ask.Task);

    public void Dispose() => _client.Dispose();
}
