using LoraAspire.Lab.Live;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Forms;
using Microsoft.JSInterop;
using MudBlazor;

namespace LoraAspire.Lab.ChatPages;

/// <summary>What the page does: opens a conversation, has it answered, and keeps it.</summary>
public partial class ChatPage
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(3), s_save = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_rest = TimeSpan.FromMilliseconds(300);

    private readonly Dictionary<(int Turn, int Column), CancellationTokenSource> asks = [];
    private Conversation now = new(Conversation.New);
    private IReadOnlyList<ChatHeader> chats = [];
    private IReadOnlyList<string> models = [];
    private (string? Id, string? Model, string? Beside)? opened;
    private IJSObjectReference? module;
    private KeptChats? kept;
    private Keeping? keeping;
    private Trouble? trouble;
    private string? unreadable;
    private Pane pane;
    private ElementReference log;
    private int edits;
    private bool hasLooked, hasAnswered, noModel;

    /// <summary>Beside the conversation; the list is there anyway where there is room.</summary>
    private enum Pane { None, Chats, Settings }

    [Inject]
    private ChatApi Api { get; set; } = null!;

    [Inject]
    private IJSRuntime Js { get; set; } = null!;

    [Inject]
    private NavigationManager Navigation { get; set; } = null!;

    [Inject]
    private ISnackbar Snackbar { get; set; } = null!;

    [Inject]
    private TimeProvider Clock { get; set; } = null!;

    /// <summary>A conversation that the browser keeps; without it a new one begins.</summary>
    [SupplyParameterFromQuery]
    private string? Id { get; set; }

    /// <summary>Who is to talk in a new one.</summary>
    [SupplyParameterFromQuery]
    private string? Model { get; set; }

    [SupplyParameterFromQuery]
    private string? Beside { get; set; }

    /// <summary>As they are shown: the model beside it, which is the base more often than not, first.</summary>
    private IReadOnlyList<int> Columns => now.IsBeside ? [1, 0] : [0];

    private IReadOnlyList<string> Models => [ModelOf(0), ModelOf(1)];

    private string ModelOf(int column) => column == 0 ? now.Model ?? models.FirstOrDefault() ?? ""
        : now.Other ?? models.LastOrDefault() ?? "";

    protected override void OnInitialized()
    {
        if (Api.IsKnown)
        {
            Follow("The chat service", LookAsync);
        }
    }

    protected override async Task OnParametersSetAsync()
    {
        var asked = (Id, Model, Beside);
        if (asked == opened)
        {
            return;
        }
        opened = asked;
        Stop();
        try
        {
            module ??= await Js.InvokeAsync<IJSObjectReference>("import", $"./{Assets["chat.js"]}");
            kept ??= new(module);
            (chats, keeping) = (await kept.ListAsync(), await kept.UsedAsync());
            await OpenAsync(KeptText.IsId(Id) ? Id! : Conversation.New);
        }
        catch (Exception gone) when (gone is JSDisconnectedException or OperationCanceledException)
        {
            return; // the page is closed
        }
        catch (JSException)
        {
            keeping = new(false, 0, 0); // a browser that keeps nothing of this site
        }
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (firstRender)
        {
            await Js.InvokeVoidAsync("lora.followEnd", log);
        }
    }

    private async Task OpenAsync(string id)
    {
        unreadable = null;
        Conversation? read = null;
        try
        {
            read = await kept!.ReadAsync(id);
        }
        catch (FormatException)
        {
            unreadable = id == Conversation.New ? null : id;
        }
        now = read ?? new(Conversation.New);
        if (now.Id == Conversation.New && Model is { Length: > 0 } model)
        {
            var beside = string.IsNullOrEmpty(Beside) ? null : Beside;
            now = now with { Model = model, Other = beside ?? now.Other, IsBeside = beside is not null };
        }
        (pane, hasAnswered, noModel) = (pane == Pane.Chats ? Pane.None : pane, false, false);
    }

    /// <summary>A model that is deployed while the page is open stands in the list by itself.</summary>
    private async Task LookAsync(CancellationToken cancellationToken)
    {
        using PeriodicTimer timer = new(s_look, Clock);
        do
        {
            try
            {
                (models, trouble) = (await Api.ModelsAsync(cancellationToken), null);
            }
            catch (ChatTroubleException told)
            {
                trouble = told.Trouble;
            }
            hasLooked = true;
            noModel &= models.Count == 0;
            Redraw();
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    /// <returns>False where nothing can be asked now; the text stays where it was written.</returns>
    private async Task<bool> AskAsync(string question, int? after)
    {
        noModel = ModelOf(0).Length == 0;
        if (asks.Count > 0 || string.IsNullOrWhiteSpace(question) || noModel)
        {
            StateHasChanged();
            return false;
        }
        var first = now.Id == Conversation.New;
        // What a conversation was begun with stays with it, though another model is deployed.
        now = now with { Model = ModelOf(0), Other = now.IsBeside ? ModelOf(1) : now.Other, Id = first ? NewId() : now.Id };
        now = now.Asking(question, after);
        var turn = now.Turns.Count - 1;
        await SaveAsync();
        if (first)
        {
            opened = (now.Id, null, null);
            await TryAsync(chats => chats.RemoveAsync(Conversation.New));
            Navigation.NavigateTo($"/chat?id={now.Id}", replace: true);
        }
        foreach (var column in Columns)
        {
            _ = AnswerAsync(turn, column);
        }
        StateHasChanged();
        await TryAsync(_ => module!.InvokeVoidAsync("toEnd", log).AsTask());
        return true;
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
        asks[(turn, column)] = stop;
        var (model, said) = (ModelOf(column), now.Messages(turn, column));
        // A try that brought nothing makes room for the next.
        var empty = now.Turns[turn].Shown(column) is { Text: "" };
        now = empty ? now.Replacing(turn, column, now.Turns[turn].Answers[column].Chosen, new(model))
            : now.Answering(turn, column, new(model));
        var (id, variant, saved) = (now.Id, now.Turns[turn].Answers[column].Chosen, Clock.GetTimestamp());
        Redraw();
        var answer = await Writing.RunAsync(Api, Clock, model, said, now.Sampling, Show, stop.Token);
        asks.Remove((turn, column));
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
            now = now.Replacing(turn, column, variant, part);
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

    private void Toggle(Pane other) => pane = pane == other ? Pane.None : other;

    private Task SetAsync(Func<Conversation, Conversation> change)
    {
        now = change(now);
        return SaveAsync();
    }

    /// <summary>For what is being typed: it is kept after a short rest.</summary>
    private async Task SetSoonAsync(Func<Conversation, Conversation> change)
    {
        now = change(now);
        var (edit, id) = (++edits, now.Id);
        await Task.Delay(s_rest, Clock);
        if (edit == edits && id == now.Id)
        {
            await SaveAsync();
        }
    }

    private Task SaveAsync() => TryAsync(async chats =>
    {
        now = now with { Changed = Clock.GetUtcNow() };
        keeping = await chats.WriteAsync(now);
        List(now);
    });

    private void List(Conversation chat) => chats = chat.Id == Conversation.New ? chats
        : [new(chat.Id, chat.Title, chat.Changed), .. chats.Where(other => other.Id != chat.Id)];

    private Task RenameAsync((string Id, string Title) to) => TryAsync(async store =>
    {
        var chat = to.Id == now.Id ? now : await store.ReadAsync(to.Id);
        if (chat is not null)
        {
            chat = chat with { Title = to.Title };
            now = to.Id == now.Id ? chat : now;
            keeping = await store.WriteAsync(chat);
            chats = [.. chats.Select(other => other.Id == to.Id ? other with { Title = to.Title } : other)];
        }
    });

    private Task DeleteAsync(string id) => TryAsync(async store =>
    {
        Conversation? gone = null;
        try
        {
            gone = id == now.Id ? now : await store.ReadAsync(id);
        }
        catch (FormatException)
        {
            gone = null; // there is nothing to bring back
        }
        if (id == now.Id)
        {
            Stop();
        }
        await store.RemoveAsync(id);
        (chats, keeping) = ([.. chats.Where(chat => chat.Id != id)], await store.UsedAsync());
        if (gone is not null)
        {
            OfferBack(gone.Title, () => InvokeAsync(() => TryAsync(async again =>
            {
                keeping = await again.WriteAsync(gone);
                chats = await again.ListAsync();
                StateHasChanged();
            })));
        }
        if (id == now.Id || id == unreadable)
        {
            now = new(Conversation.New);
            Navigation.NavigateTo("/chat");
        }
    });

    private Task ExportAsync() => TryAsync(store =>
        store.SaveFileAsync($"chat-{now.Id}.json", ExportedChat.Write(now, Models)));

    private Task ImportAsync(IBrowserFile file) => TryAsync(async store =>
    {
        if (file.Size <= KeptText.Largest)
        {
            using StreamReader text = new(file.OpenReadStream(KeptText.Largest));
            if (ExportedChat.Read(await text.ReadToEndAsync(), NewId()) is { } read)
            {
                keeping = await store.WriteAsync(read with { Changed = Clock.GetUtcNow() });
                Navigation.NavigateTo($"/chat?id={read.Id}");
                return;
            }
        }
        SayNotImported(file.Name);
    });

    private static string NewId() => Guid.NewGuid().ToString("N")[..16];

    /// <summary>Nothing before the browser's part is there or after the page is closed.</summary>
    private async Task TryAsync(Func<KeptChats, Task> act)
    {
        if (kept is null)
        {
            return;
        }
        try
        {
            await act(kept);
        }
        catch (Exception gone) when (gone is JSDisconnectedException or OperationCanceledException or ObjectDisposedException)
        {
            return;
        }
        catch (JSException)
        {
            keeping = new(false, 0, 0);
        }
        StateHasChanged();
    }
}
