using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using MudBlazor;

namespace LoraAspire.Lab.ChatPages;

/// <summary>What the page opens, and which models it offers.</summary>
public partial class ChatPage
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(3);

    private readonly TaskCompletionSource looked = new(TaskCreationOptions.RunContinuationsAsynchronously);
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
    private bool hasAnswered, noModel, isUnsaved;

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
    private ILogger<ChatPage> Log { get; set; } = null!;

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

    private bool ServesNothing => Api.IsKnown && looked.Task.IsCompleted && models.Count == 0 && trouble is null;

    protected override void OnInitialized()
    {
        if (Api.IsKnown)
        {
            Follow("The chat service", LookAsync);
        }
        Follow("The browser", SaveAtTheEndAsync);
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
            await SaveRestAsync();
            (chats, keeping) = (await kept.ListAsync(), await kept.UsedAsync());
            await OpenAsync(asked);
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

    private async Task OpenAsync((string? Id, string? Model, string? Beside) asked)
    {
        var id = KeptText.IsId(asked.Id) ? asked.Id! : Conversation.New;
        Conversation? read;
        string? broken;
        do
        {
            await SaveRestAsync(); // what is typed while another is read belongs to this one
            (read, broken) = (null, null);
            try
            {
                read = await kept!.ReadAsync(id);
            }
            catch (FormatException)
            {
                broken = id == Conversation.New ? null : id;
            }
        }
        while (isUnsaved);
        if (asked != opened)
        {
            return; // another was asked for while this one was read
        }
        (unreadable, now) = (broken, read ?? new(Conversation.New));
        if (now.Id == Conversation.New && asked.Model is { Length: > 0 } model)
        {
            var beside = string.IsNullOrEmpty(asked.Beside) ? null : asked.Beside;
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
            looked.TrySetResult();
            noModel &= models.Count == 0;
            Redraw();
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    private void Toggle(Pane other) => pane = pane == other ? Pane.None : other;
}
