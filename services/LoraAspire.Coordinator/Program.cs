using LoraAspire.Coordinator;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Planning;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddLoraRuntime();
builder.Services.AddSingleton<Planner>();
builder.Services.AddHostedService<InboxReader>();
builder.Services.AddHostedService<Pulse>();

var app = builder.Build();
app.MapDefaultEndpoints();
app.Run();
