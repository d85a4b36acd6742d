using Microsoft.JSInterop;

namespace LoraAspire.Lab.ChatPages;

/// <summary>How a question is asked and its answers come.</summary>
public partial class ChatPage
{
    private static readonly TimeSpan s_save = TimeSpan.FromSeconds(1);

    /// <returns>False where nothing can be asked now; the text stays where it was written.</returns>
    private async Task<bool> AskAsync(string question, int? after)
    {
        var (id, place) = (now.Id, opened);
        if (Api.IsKnown && ModelOf(0).Length == 0)
        {
            await looked.Task; // who is quick asks before the service has told its models
            if (IsLeft())
            {
                return false;
            }
        }
        noModel = ServesNothing;
        if (asks.Count > 0 || string.IsNullOrWhiteSpace(question) || ModelOf(0).Length == 0)
        {
            StateHasChanged();
            return false;
        }
        var first = now.Id == Conversation.New;
        // What a conversation was begun with stays with it, though another model is deployed.
        now = now with { Model = ModelOf(0), Other = now.IsBeside ? ModelOf(1) : now.Other, Id = first ? Conversation.NewId() : now.Id };
        now = now.Asking(question, after);
        var turn = now.Turns.Count - 1;
        unreadable = null;
        opened = first ? (now.Id, null, null) : opened;
        (id, place) = (now.Id, opened);
        await SaveAsync();
        if (first && !IsLeft())
        {
            await TryAsync(chats => chats.RemoveAsync(Conversation.New));
        }
        if (IsLeft())
        {
            return false; // the question is kept; whoever comes back may have it answered
        }
        if (first)
        {
            Navigation.NavigateTo($"/chat?id={id}", replace: true);
        }
        foreach (var column in Columns)
        {
            _ = AnswerAsync(turn, column);
        }
        StateHasChanged();
        await TryAsync(_ => module!.InvokeVoidAsync("toEnd", log).AsTask());
        return true;

        // Another conversation may be opened, or the page closed, at every wait.
        bool IsLeft() => now.Id != id || opened != place || Closed.IsCancellationRequested;
    }

    private Task AgainAsync(int turn, int column)
    {
        if (ModelOf(column).Length > 0 && !asks.ContainsKey((turn, column)))
        {
            _ = AnswerAsync(turn, column);
        }
        return Task.CompletedTask;
    }

    private async Task AnswerAsync(int turn, int column)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Closed);
        var (model, said) = (ModelOf(column), now.Messages(turn, column));
        // A try that brought nothing makes room for the next.
        var empty = now.Turns[turn].Shown(column) is { Text: "" };
        now = empty ? now.Replacing(turn, column, now.Turns[turn].Answers[column].Chosen, new(model))
            : now.Answering(turn, column, new(model));
        var (id, variant, saved) = (now.Id, now.Turns[turn].Answers[column].Chosen, Clock.GetTimestamp());
        asks[(turn, column)] = stop;
        Redraw();
        Answer answer;
        try
        {
            answer = await Writing.RunAsync(Api, Clock, Log, model, said, now.Sampling, Show, stop.Token);
        }
        finally
        {
            asks.Remove((turn, column)); // whatever happens: a page that is busy takes no question
        }
        if (now.Id == id)
        {
            now = now.Replacing(turn, column, variant, answer);
            hasAnswered = true;
            Redraw();
            await SaveAsync();
        }

        void Show(Answer part)
        {
            if (now.Id != id)
            {
                return;
            }
            (now, isUnsaved) = (now.Replacing(turn, column, variant, part), true);
            Redraw();
            if (Clock.GetElapsedTime(saved) >= s_save)
            {
                saved = Clock.GetTimestamp();
                _ = SaveAsync();
            }
        }
    }

    /// <summary>What came of the answers stays.</summary>
    private void Stop()
    {
        foreach (var stop in asks.Values)
        {
            stop.Cancel();
        }
    }

    private void EscapeAsync()
    {
        pane = asks.Count > 0 ? pane : Pane.None;
        Stop();
    }
}
