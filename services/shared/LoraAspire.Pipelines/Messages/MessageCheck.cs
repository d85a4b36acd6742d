using System.Text.Json;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Pipelines.Messages;

/// <summary>What the types of a message can't say of its values. Everybody may write to Redis; names become folders and keys.</summary>
internal static class MessageCheck
{
    private const int LongestName = 256;
    private const double LongestTimeout = 100_000 * 86_400.0;

    /// <exception cref="MessageFormatException">A value that nobody of ours writes.</exception>
    public static T Require<T>(T message, JsonElement body) where T : class
    {
        // Nulls are left out when we write; a list of them would pass for a list of names. Only parameters may be null.
        MessageFormatException.Require(!body.EnumerateObject().Any(field => !field.NameEquals("with") && HasNull(field.Value)),
            "a value is null");
        switch (message)
        {
            case InboxMessage inbox:
                Run(inbox.Run);
                Inbox(inbox);
                break;
            case StageOrder order:
                Run(order.Run);
                Attempt(order.Stage, order.Attempt);
                Order(order);
                break;
            case RunEvent happened:
                Run(happened.Run);
                Event(happened);
                break;
        }
        return message;
    }

    private static void Inbox(InboxMessage message)
    {
        if (message is AttemptMessage attempt)
        {
            Attempt(attempt.Stage, attempt.Attempt);
        }
        switch (message)
        {
            case SubmitRun submit:
                MessageFormatException.Require(submit.File.Length <= LongestName * 16, "the file's name is too long");
                break;
            case AttemptStarted started:
                MessageFormatException.Require(started.Worker.Length is > 0 and <= LongestName, "the worker's name is empty or too long");
                break;
            case AttemptFinished finished:
                Digests(finished.Outputs);
                break;
        }
    }

    private static void Order(StageOrder order)
    {
        MessageFormatException.Require(Identifiers.IsPipeline(order.Pipeline),
            $"'{Identifiers.Shown(order.Pipeline)}' is no pipeline's name");
        MessageFormatException.Require(Identifiers.IsDigest(order.Key), $"'{Identifiers.Shown(order.Key)}' is no stage key");
        MessageFormatException.Require(order.TimeoutSeconds is null or (> 0 and <= LongestTimeout),
            $"a timeout of {order.TimeoutSeconds} s");
        Needs(order.Needs);
        foreach (var (name, input) in order.Inputs)
        {
            MessageFormatException.Require(Identifiers.IsDigest(input.Digest), $"input '{Identifiers.Shown(name)}' has no digest");
            MessageFormatException.Require(input.Model is null || Identifiers.IsModel(input.Model),
                $"'model:{Identifiers.Shown(input.Model)}' is no model's name");
        }
        Digests(order.DataFiles);
    }

    private static void Event(RunEvent happened)
    {
        switch (happened)
        {
            case RunSubmitted submitted:
                MessageFormatException.Require(submitted.Stages.All(stage => Identifiers.IsStage(stage.Id)), "a stage has no id");
                foreach (var stage in submitted.Stages)
                {
                    Needs(stage.Needs);
                }
                break;
            case StageQueued queued:
                Attempt(queued.Stage, queued.Attempt);
                break;
            case StageStarted started:
                Attempt(started.Stage, started.Attempt);
                break;
            case StageFinished finished:
                Attempt(finished.Stage, finished.Attempt);
                break;
            case StageFailed failed:
                Attempt(failed.Stage, failed.Attempt);
                break;
            case StageEvent stage:
                Stage(stage.Stage);
                break;
        }
    }

    private static void Needs(StageNeeds? needs) =>
        MessageFormatException.Require(needs is null or { IsInRange: true }, $"no GPU has {needs?.GpuMemory} GiB");

    private static void Run(string? run) =>
        MessageFormatException.Require(Identifiers.IsRun(run), $"'{Identifiers.Shown(run)}' is no run id");

    private static void Stage(string stage) =>
        MessageFormatException.Require(Identifiers.IsStage(stage), $"'{Identifiers.Shown(stage)}' is no stage id");

    private static void Attempt(string stage, int attempt)
    {
        Stage(stage);
        MessageFormatException.Require(Identifiers.IsAttempt(attempt), $"{attempt} is no attempt");
    }

    private static void Digests(IReadOnlyDictionary<string, string> named)
    {
        foreach (var (name, digest) in named)
        {
            MessageFormatException.Require(Identifiers.IsDigest(digest), $"'{Identifiers.Shown(name)}' has no digest");
        }
    }

    private static bool HasNull(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => true,
        JsonValueKind.Object => value.EnumerateObject().Any(property => HasNull(property.Value)),
        JsonValueKind.Array => value.EnumerateArray().Any(HasNull),
        _ => false,
    };
}
